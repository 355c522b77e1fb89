"""One streamed answer of an HTTP engine, from its events to its pieces."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Protocol

from codetune_core.domain.execution import FinishReason
from codetune_core.engines.protocol import Chunk
from codetune_core.errors import EngineLost, EngineTimeout
from codetune_core.http.server import HttpServer


class Reading(Protocol):
    """What is known of an answer so far.

    Attributes:
        finish_reason: why it ended, or None while it has not.
        is_done: whether the server said that nothing follows.
        heard: whether the last event was a piece of the answer, or of the reasoning before it.
    """

    finish_reason: FinishReason | None
    is_done: bool
    heard: bool

    def take(self, data: str) -> Chunk | None:
        """Read an event's data."""
        ...


async def pieces(http: HttpServer, url: str, body: dict[str, Any], reading: Reading) -> AsyncGenerator[Chunk]:
    """Stream the pieces of an answer; what cuts the stream after the answer's end does no harm."""
    try:
        async with http.stream(url, body) as stream, aclosing(stream.events()) as events:
            async for event in events:
                chunk = reading.take(event.data)
                if reading.heard:
                    stream.piece_came()
                if chunk:
                    yield chunk
                if reading.is_done:
                    await stream.drain()
                    return
    except (EngineLost, EngineTimeout):
        if reading.finish_reason is None:
            raise
    if reading.finish_reason is None:
        raise EngineLost(f"{url} hung up before its answer was complete")
