"""Lets pages of the origins that the settings list ask; all others stay out (CORS)."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import hdrs, web

from codetune_core.execution.headers import (
    EXECUTION_HEADER,
    KEY_HEADER,
    LAST_EVENT_HEADER,
    REQUEST_HEADER,
    RESUMABLE_HEADER,
    WIRE_HEADER,
)
from codetune_remote.service import SERVICE

_MAY_SEND = (
    "Content-Type",
    KEY_HEADER,
    WIRE_HEADER,
    EXECUTION_HEADER,
    RESUMABLE_HEADER,
    LAST_EVENT_HEADER,
    REQUEST_HEADER,
)
_MAY_READ = (WIRE_HEADER, EXECUTION_HEADER, REQUEST_HEADER, "Retry-After")
_REMEMBERED_SECONDS = "600"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def cors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer what a browser asks before it asks; OPTIONS is for nothing else."""
    error = request.match_info.http_exception
    asks_first = request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
    if not (asks_first and _is_listed(request) and isinstance(error, web.HTTPMethodNotAllowed)):
        return await handler(request)
    return web.Response(
        status=HTTPStatus.NO_CONTENT,
        headers={
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: ", ".join(sorted(error.allowed_methods)),
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: ", ".join(_MAY_SEND),
            hdrs.ACCESS_CONTROL_MAX_AGE: _REMEMBERED_SECONDS,
        },
    )


async def allow_origin(request: web.Request, response: web.StreamResponse) -> None:
    """Run before the headers of any answer are sent: say which page may read it.

    Without credentials: the key is a header, which a page must know itself.
    """
    if not request.app[SERVICE].settings.allowed_origins:
        return
    response.headers.add(hdrs.VARY, hdrs.ORIGIN)
    if _is_listed(request):
        response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = request.headers[hdrs.ORIGIN]
        response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = ", ".join(_MAY_READ)


def _is_listed(request: web.Request) -> bool:
    return request.headers.get(hdrs.ORIGIN) in request.app[SERVICE].settings.allowed_origins
