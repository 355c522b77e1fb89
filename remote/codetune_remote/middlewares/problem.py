"""Turns whatever a request ends with into one shape of error."""

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from codetune_core.domain.identifiers import new_id
from codetune_core.execution.faults import log_fault
from codetune_remote.problems import Refusal

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LOG = logging.getLogger(__name__)


@web.middleware
async def problem(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with a problem where the request fails."""
    request_id = str(new_id())
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal.response(request_id)
    except web.HTTPException as error:
        return Refusal(error.status, error.reason.lower().replace(" ", "-"), error.reason).response(request_id)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is said in one shape and without its text
        log_fault(_LOG, f"request {request_id} failed", error)
        return Refusal(500, "internal", "an unexpected error: the log says where").response(request_id)
