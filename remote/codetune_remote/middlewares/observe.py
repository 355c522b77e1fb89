"""Counts, logs and traces every request, each once: by the route's template, and with nothing that was sent."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext

from aiohttp import web

from codetune_remote.middlewares.problem import PROBLEM
from codetune_remote.middlewares.request_id import REQUEST_ID
from codetune_remote.principal import Principal
from codetune_remote.service import PRINCIPAL, SERVICE

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LOG = logging.getLogger("codetune.access")
_WENT_AWAY = 499
"""Nobody was there to be answered (nginx's number)."""
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds, by probes."""


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Note what came of a request; a stream counts until its end."""
    service, route, began = request.app[SERVICE], _route(request), time.monotonic()
    status = _WENT_AWAY
    traces = service.traces
    tracing = traces.request(request.method, route, request.scheme, request.headers) if traces else nullcontext()
    with tracing as span:
        try:
            response = await handler(request)
            status = response.status
        except web.HTTPException as answer:
            status = answer.status
            raise
        except (asyncio.CancelledError, ConnectionError):
            raise
        finally:
            seconds = time.monotonic() - began
            service.metrics.requested(request.method, route, status, seconds)
            if traces and span:
                traces.answered(span, status)
            # After the answer is written: nobody waits for a line in a log.
            asyncio.get_running_loop().call_soon(_log, request, route, status, seconds)
    return response


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource else ""


def _log(request: web.Request, route: str, status: int, seconds: float) -> None:
    principal = request.get(PRINCIPAL)
    user = principal.user_id if isinstance(principal, Principal) else ""
    level = logging.DEBUG if route in _QUIET and status < web.HTTPBadRequest.status_code else logging.INFO
    said = {"method": request.method, "route": route or "none", "status": status, "ms": round(seconds * 1000, 1)}
    wrong = {"problem": request[PROBLEM]} if PROBLEM in request else {}
    _LOG.log(level, "request", extra={**said, **wrong, "user": user, "request_id": request[REQUEST_ID]})
