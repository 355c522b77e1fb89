"""The events of a streamed answer, within their time limits."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from codetune_core.errors import EngineLost, EngineTimeout
from codetune_core.http.sse import EventReader, ServerSentEvent
from codetune_core.sections import ServerSettings

if TYPE_CHECKING:
    import aiohttp

_DRAIN_SECONDS = 0.25


class EventStream:
    """The events of a streamed answer, within the time limits for its first piece and between pieces."""

    def __init__(self, response: "aiohttp.ClientResponse", asked: ServerSettings, url: str, asked_at: float) -> None:
        self._response = response
        self._asked = asked
        self._url = url
        self._deadline = asked_at + asked.first_token_seconds
        self._has_begun = False

    def piece_came(self) -> None:
        """Start the time for the next piece; what only keeps the connection open does not."""
        self._has_begun = True
        self._deadline = asyncio.get_running_loop().time() + self._asked.gap_seconds

    async def events(self) -> AsyncGenerator[ServerSentEvent]:
        """Yield each event; an answer that is not streamed is one event with all of it. Raises an ExecutionError."""
        if self._response.content_type == "application/json":
            yield ServerSentEvent(await self._read(self._response.text))
            return
        reader, content = EventReader(), self._response.content
        while block := await self._read(content.readany):
            for event in reader.feed(block):
                yield event

    async def drain(self) -> None:
        """Read to the end, so that the connection can be used again, if that comes at once."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                async for _ in self._response.content.iter_any():
                    pass

    async def _read(self, read: Callable[[], Any]) -> Any:
        import aiohttp  # noqa: PLC0415

        try:
            async with asyncio.timeout_at(self._deadline):
                return await read()
        except TimeoutError as error:
            raise self._silence() from error
        except aiohttp.ClientError as error:
            raise EngineLost(f"{self._url} hung up in the middle of its answer: {error}") from error

    def _silence(self) -> EngineTimeout:
        if self._has_begun:
            setting = f"{self._asked.section}.gap_seconds"
            return too_slow(self._url, self._asked.gap_seconds, setting, "has fallen silent:")
        return too_slow(self._url, self._asked.first_token_seconds, f"{self._asked.section}.first_token_seconds")


def too_slow(url: str, seconds: float, setting: str, did: str = "gave") -> EngineTimeout:
    """Return the error that says how long nothing came, and which setting, if any, is the limit."""
    named = f" ({setting})" if setting else ""
    return EngineTimeout(f"{url} {did} nothing within {seconds:g} seconds{named}")
