"""Answers from the first moment, while the core is still imported and its database opened."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from codetune_core.execution.headers import REQUEST_HEADER
from codetune_remote.broken import Connections
from codetune_remote.hardening import harden

_RETRY_AFTER_SECONDS = 1


@asynccontextmanager
async def answering_early(listener: socket.socket, tls: ssl.SSLContext | None) -> AsyncIterator[None]:
    """Say on a socket that this process lives and is not ready; who asks for more is told when to come again.

    The connections that were made end with the block, those that wait to be accepted go to who listens next.
    """
    runner = web.ServerRunner(Connections(_answer, access_log=None))
    await runner.setup()
    try:
        await web.SockSite(runner, listener.dup(), ssl_context=tls).start()
        yield
    finally:
        await runner.cleanup()


async def _answer(request: web.BaseRequest) -> web.StreamResponse:
    response = web.json_response({"status": "alive"}) if request.path == "/healthz" else _not_yet(request)
    harden(response)
    response.force_close()
    return response


def _not_yet(request: web.BaseRequest) -> web.Response:
    from codetune_remote.middlewares.request_id import chosen_id  # noqa: PLC0415 - before that, nothing is imported
    from codetune_remote.problems import Refusal  # noqa: PLC0415

    again = {"Retry-After": str(_RETRY_AFTER_SECONDS)}
    refusal = Refusal(503, "unavailable", "the service is starting: ask again in a moment", headers=again)
    return refusal.response(chosen_id(request.headers.get(REQUEST_HEADER, "")))
