"""Makes a Route into what aiohttp calls: who may, what came, what goes back."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from codetune_core.execution.wire import AboutFiles
from codetune_remote import asker
from codetune_remote.bodies import read_body
from codetune_remote.elsewhere import from_elsewhere
from codetune_remote.principal import CHALLENGE, Principal
from codetune_remote.problems import Refusal
from codetune_remote.route import Call, Route
from codetune_remote.service import PRINCIPAL, SERVICE
from codetune_remote.valid import read_parts, read_query


def endpoint(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the function that answers a route's requests."""
    adapter = route.adapter

    async def answer(request: web.Request) -> web.StreamResponse:
        principal = _allowed(request, route)
        path = read_parts(dict(request.match_info), route.parts)
        query = read_query(request.query, route.query)
        body = await read_body(request, route.body)
        if isinstance(body, AboutFiles) and not asker.of_this_machine(request):
            body = from_elsewhere(body, request.app[SERVICE].core.settings)
        reply = await route.handler(Call(request.app[SERVICE], principal, body, query, path, request))
        if isinstance(reply, web.StreamResponse):
            return reply
        return web.Response(
            status=route.status, body=adapter.dump_json(reply), content_type="application/json", charset="utf-8"
        )

    return answer


def _allowed(request: web.Request, route: Route) -> Principal:
    principal = request.get(PRINCIPAL)
    if route.scope is None:
        return principal if isinstance(principal, Principal) else Principal("", frozenset())
    if not isinstance(principal, Principal):
        raise Refusal(401, "unauthenticated", "this needs a key: send it in X-CodeTune-Key", headers=CHALLENGE)
    if not principal.may(route.scope):
        raise Refusal(403, "forbidden", f"the key does not have the scope {route.scope}")
    return principal
