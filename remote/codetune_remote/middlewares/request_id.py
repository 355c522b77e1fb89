"""Gives each request an id: the client's own where it is sane, so that both logs can be laid side by side."""

import re
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from codetune_core.domain.identifiers import new_id
from codetune_core.domain.request_id import REQUEST_ID as CURRENT
from codetune_core.execution.headers import REQUEST_HEADER

REQUEST_ID = web.RequestKey("request_id", str)
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,127}")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def request_id(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Note the id, and bind it to everything that is logged and asked elsewhere meanwhile."""
    chosen = request[REQUEST_ID] = chosen_id(request.headers.get(REQUEST_HEADER, ""))
    token = CURRENT.set(chosen)
    try:
        with structlog.contextvars.bound_contextvars(request_id=chosen):
            return await handler(request)
    finally:
        CURRENT.reset(token)


def chosen_id(sent: str) -> str:
    """Return the id that a client sent, or another one where that is not sane."""
    return sent if _SANE.fullmatch(sent) else str(new_id())
