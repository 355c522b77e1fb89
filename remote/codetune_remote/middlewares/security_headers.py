"""The headers of every answer: those that harden it, and the request's id."""

from aiohttp import web

from codetune_core.execution.headers import REQUEST_HEADER
from codetune_remote.hardening import harden
from codetune_remote.middlewares.request_id import REQUEST_ID


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Run before the headers of any answer are sent, streams and errors too."""
    harden(response)
    if REQUEST_ID in request:
        response.headers[REQUEST_HEADER] = request[REQUEST_ID]
