"""What browsers may do with an answer (nothing), and the wire's version; importing this costs nothing."""

from aiohttp import hdrs, web

from codetune_core.execution.headers import WIRE_HEADER, WIRE_VERSION

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
