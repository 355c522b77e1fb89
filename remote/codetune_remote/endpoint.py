"""Makes a Route into what aiohttp calls: who may, what came, what goes back."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ValidationError

from codetune_remote.principal import Principal
from codetune_remote.problems import Refusal
from codetune_remote.route import Call, Nothing, Route
from codetune_remote.service import PRINCIPAL, SERVICE

_SHOWN_ERRORS = 20


def endpoint(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the function that answers a route's requests."""
    adapter = route.adapter

    async def answer(request: web.Request) -> web.StreamResponse:
        principal = _allowed(request, route)
        path = _parts(route.parts, request)
        query = _valid(route.query, dict(request.query), "query")
        body = await _body(request, route.body)
        call = Call(request.app[SERVICE], principal, body, query, path, request)
        reply = await route.handler(call)
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
        raise Refusal(401, "unauthenticated", "this needs a key: send it in X-CodeTune-Key")
    if not principal.may(route.scope):
        raise Refusal(403, "forbidden", f"the key does not have the scope {route.scope}")
    return principal


def _parts(wanted: type[BaseModel], request: web.Request) -> Any:
    try:
        return wanted.model_validate(dict(request.match_info))
    except ValidationError as error:
        raise Refusal(404, "not-found", "there is nothing at this address: its id is not well-formed") from error


async def _body(request: web.Request, wanted: type[BaseModel]) -> Any:
    if wanted is Nothing:
        return Nothing()
    raw = await request.read()
    try:
        content = json.loads(raw or b"{}")
    except ValueError as error:
        raise Refusal(400, "malformed", f"the body is not JSON: {error}") from error
    return _valid(wanted, content, "body")


def _valid(wanted: type[BaseModel], content: Any, where: str) -> Any:
    try:
        return wanted.model_validate(content)
    except ValidationError as error:
        # Without what was sent: it may be code, and problems are logged.
        wrong = error.errors(include_url=False, include_input=False, include_context=False)[:_SHOWN_ERRORS]
        first = ".".join(map(str, wrong[0]["loc"])) or where
        detail = f"the {where} does not fit: {first}: {wrong[0]['msg']}"
        raise Refusal(422, "invalid", detail, extra={"errors": wrong}) from error
