"""Runs the application's connections, so that what is no HTTP gets the same shape of answer as everything else."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMethod, LineTooLong

from codetune_core.domain.faults import log_fault
from codetune_core.domain.identifiers import new_id
from codetune_remote.broken import Connections
from codetune_remote.hardening import harden
from codetune_remote.problems import Refusal
from codetune_remote.refusals import refusal_of_http

_Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
_LOG = logging.getLogger(__name__)


def answer_to(request: web.BaseRequest, status: int, exc: BaseException | None) -> web.StreamResponse:
    """Answer what no handler can; only the kind of error is logged, for what was sent may hold a key."""
    if request.writer.output_size > 0 or isinstance(exc, ConnectionError):
        raise ConnectionResetError("nobody is there, or the answer had begun") from exc
    request_id = str(new_id())
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and exc is not None:
        log_fault(_LOG, f"request {request_id} failed", exc)
        refusal = Refusal(500, "internal", "an unexpected error: the service's log says where")
    else:
        _LOG.info("request %s refused: it is no HTTP (%s)", request_id, type(exc).__name__)
        refusal = _refusal(exc)
    response = refusal.response(request_id)
    response.force_close()
    harden(response)
    return response


def _refusal(error: BaseException | None) -> Refusal:
    if isinstance(error, LineTooLong):
        return Refusal(431, "header-too-large", "the request's first line or a header is too long")
    if isinstance(error, BadHttpMethod):
        return Refusal(400, "malformed", "this is no HTTP, no method of HTTP, or TLS where none is spoken")
    return Refusal(400, "malformed", "this is no well-formed HTTP/1.1")


def _shaped(handler: _Handler) -> _Handler:
    """Give the framework's own errors that no middleware sees (``Expect``) the same shape."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status < HTTPStatus.BAD_REQUEST:
                raise
            return refusal_of_http(error).response(str(new_id()))

    return handle


class Runner(web.AppRunner):
    """Runs the application; use it in place of ``web.AppRunner``."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        loop, arguments = made._loop, made._kwargs  # noqa: SLF001 - it makes connections of one kind only
        return Connections(
            _shaped(made.request_handler),
            request_factory=made.request_factory,
            handler_cancellation=True,  # nobody waits for what a client that went away had asked
            loop=loop,
            **arguments,
        )
