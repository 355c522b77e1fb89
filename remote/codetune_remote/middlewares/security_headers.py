"""The headers of every answer: what browsers may do with it (nothing), the wire's version, and the request's id."""

from aiohttp import hdrs, web

from codetune_core.execution.wire import REQUEST_HEADER, WIRE_HEADER, WIRE_VERSION
from codetune_remote.middlewares.request_id import REQUEST_ID

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    WIRE_HEADER: str(WIRE_VERSION),
}


def harden(response: web.StreamResponse) -> None:
    """Add what the handler did not set itself; the banner says nothing about what software answers, and which."""
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers[hdrs.SERVER] = "CodeTune"


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Run before the headers of any answer are sent, streams and errors too."""
    harden(response)
    if REQUEST_ID in request:
        response.headers[REQUEST_HEADER] = request[REQUEST_ID]
