"""Turns whatever a request ends with into one shape of error."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from codetune_core.domain.faults import log_fault
from codetune_core.errors import CodeTuneError
from codetune_remote.middlewares.request_id import REQUEST_ID
from codetune_remote.problems import Refusal
from codetune_remote.refusals import refusal_of, refusal_of_http

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
PROBLEM = web.RequestKey("problem", str)
"""The kind of problem that a request ends with."""
_LOG = logging.getLogger(__name__)


@web.middleware
async def problem(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with a problem where the request fails; where the answer had begun, cut it off instead."""
    try:
        return await handler(request)
    except Exception as error:
        if isinstance(error, ConnectionError) and _has_left(request):
            raise
        refusal = _refusal(request, error)
        if _has_begun(request):
            raise ConnectionResetError("the answer had begun") from error
        return refusal.response(request[REQUEST_ID])


def _refusal(request: web.Request, error: Exception) -> Refusal:
    """Return what is answered; also logs it, never with what was sent."""
    refusal = _known(error)
    if refusal is None:
        log_fault(_LOG, f"request {request[REQUEST_ID]} failed", error)
        return Refusal(500, "internal", "an unexpected error: the service's log says where, beside this request's id")
    request[PROBLEM] = refusal.kind
    if refusal.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _LOG.warning("request %s refused: %d %s", request[REQUEST_ID], refusal.status, refusal.kind)
    return refusal


def _known(error: Exception) -> Refusal | None:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, CodeTuneError):
        return refusal_of(error)
    if isinstance(error, web.HTTPException):
        if error.status < HTTPStatus.BAD_REQUEST:
            raise error
        return refusal_of_http(error)
    if isinstance(error, TimeoutError):
        return Refusal(504, "timeout", "it took longer than it may")
    return None


def _has_left(request: web.Request) -> bool:
    """Tell whether nobody is there to be answered."""
    return request.transport is None or request.transport.is_closing()


def _has_begun(request: web.Request) -> bool:
    return request.writer.output_size > 0
