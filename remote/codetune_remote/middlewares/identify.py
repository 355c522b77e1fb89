"""Finds out who asks: by the key, or by the socket that only one user can open."""

from collections.abc import Awaitable, Callable
from getpass import getuser

from aiohttp import web

from codetune_remote.principal import Principal, Scope
from codetune_remote.service import PRINCIPAL

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def identify(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Note who asks; nobody where there is neither a key nor a socket of one's own."""
    if request.transport is not None and request.transport.get_extra_info("peername") in {"", None}:
        request[PRINCIPAL] = Principal(getuser(), frozenset({Scope.ADMIN}))
    return await handler(request)
