"""Writes an execution's events into a response as they come, and notices who is gone or does not read."""

import asyncio
import logging
import socket
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from codetune_core.execution.headers import EXECUTION_HEADER
from codetune_remote.streams.live import Live
from codetune_remote.streams.log import EventLog
from codetune_remote.streams.media import Medium

_LOG = logging.getLogger(__name__)
_MOMENT = 0.05
"""Seconds: what is over by then goes out in one piece, as most of what is answered from the cache."""
_STEPS = 2
"""Of the event loop: in the first one the task of what is answered from the cache does all, in the second it ends."""
_MOST_BYTES = 32_000
"""In one write, so that who reads slowly makes progress in time, and who comes late has not all events there twice."""
_FIELDS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""No proxy on the way keeps events back."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between heartbeats, and until a reader who takes nothing is dropped."""

    heartbeat: float = 10
    stalled: float = 30


@dataclass(frozen=True, slots=True)
class Reading:
    """What one connection reads, in which form, and after the event of which number."""

    live: Live
    medium: Medium
    after: int = 0


async def send(request: web.Request, reading: Reading, pace: Pace) -> web.StreamResponse:
    """Stream events until the execution is over; who takes none for too long is dropped."""
    live = reading.live
    headers = {**_FIELDS, "Content-Type": reading.medium.kind, EXECUTION_HEADER: str(live.id)}
    if await _soon_over(live.log, reading.after) and live.log.bytes < _MOST_BYTES:
        whole = reading.medium.frames(live.log.after(reading.after, _MOST_BYTES))
        return web.Response(body=whole, headers=headers)
    response = web.StreamResponse(headers=headers)
    _notice_loss(request, pace.stalled)
    try:
        await response.prepare(request)
        await _follow(response, reading, pace)
    except ConnectionResetError:  # it went away; the execution's other readers are no concern of this one
        _LOG.debug("execution %s: a reader went away", live.id)
    except TimeoutError:
        _LOG.info("execution %s: a reader took nothing for %g s and was dropped", live.id, pace.stalled)
        if request.transport is not None:
            request.transport.abort()
    return response


async def _soon_over(log: EventLog, after: int) -> bool:
    """Wait for the first event, and where the last one came with it, for the end; for a moment each."""
    for _ in range(_STEPS):
        if log.closed:
            return True
        await asyncio.sleep(0)
    return await log.more(after, _MOMENT) and log.last is not None and await log.more(len(log), _MOMENT)


async def _follow(response: web.StreamResponse, reading: Reading, pace: Pace) -> None:
    log, medium, after = reading.live.log, reading.medium, reading.after
    while True:
        if not await log.more(after, pace.heartbeat):
            await _within(pace.stalled, response.write(medium.heartbeat))
            continue
        events = list(log.after(after, _MOST_BYTES))
        if not events:
            break
        frames = medium.frames(events)
        for start in range(0, len(frames), _MOST_BYTES):
            await _within(pace.stalled, response.write(frames[start : start + _MOST_BYTES]))
        after = events[-1][0]
    await _within(pace.stalled, response.write_eof())


async def _within(seconds: float, writing: Coroutine[Any, Any, None]) -> None:
    async with asyncio.timeout(seconds):
        await writing


def _notice_loss(request: web.Request, seconds: float) -> None:
    """Have the system give a connection up whose other side acknowledges nothing any more, where it can do that."""
    connection = request.transport.get_extra_info("socket") if request.transport else None
    if connection is not None and connection.family != socket.AF_UNIX and hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
