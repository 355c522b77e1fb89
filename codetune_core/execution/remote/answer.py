"""The events of one answer as they come from a service: numbered, within time limits, unknown ones skipped."""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from codetune_core.errors import EngineLost, EngineTimeout
from codetune_core.execution.events import Event, Failed, Finished, read_event
from codetune_core.execution.remote.faults import Broken
from codetune_core.execution.remote.limits import Limits
from codetune_core.http.sse import EventReader, ServerSentEvent

if TYPE_CHECKING:
    import aiohttp

_DRAIN_SECONDS = 0.25
_IS_NUMBER = re.compile(r"[0-9]{1,15}")
_THINKS_AFTER = {"repairing", "waiting"}
"""Events after which the next piece may take as long as the first."""


class Clock:
    """The time that is left for the next piece of one execution's answer, over all its connections."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._has_begun = False
        self._deadline = _now() + limits.first_event

    @property
    def deadline(self) -> float:
        """In the loop's time."""
        return self._deadline

    def came(self, event: Event) -> None:
        """Start the time for what follows; a model that is asked anew may think as long as at first."""
        if event.type == "token":
            self._has_begun = True
            self._deadline = _now() + self._limits.gap
        elif event.type in _THINKS_AFTER:
            self._has_begun = False
            self._deadline = _now() + self._limits.first_event

    @contextmanager
    def stopped(self, *, anew: bool) -> Iterator[None]:
        """Do not count the time in which a service is waited for; ``anew`` where it has not begun to answer."""
        left = self._limits.first_event if anew else self._deadline - _now()
        yield
        self._deadline = _now() + left

    def run_out(self, where: str) -> EngineTimeout:
        """Return the error that names the limit."""
        limits = self._limits
        if self._has_begun:
            return EngineTimeout(f"{where} has fallen silent: nothing for {limits.gap:g} seconds (remote.gap_seconds)")
        setting = "remote.first_token_seconds"
        return EngineTimeout(f"{where} gave nothing within {limits.first_event:g} seconds ({setting})")


class Answer:
    """One connection's part of an answer; ``bytes`` is how many came."""

    def __init__(self, response: "aiohttp.ClientResponse", limits: Limits, where: str) -> None:
        self.bytes = 0
        self._response = response
        self._limits = limits
        self._where = where

    async def events(self, clock: Clock) -> AsyncGenerator[tuple[int, Event]]:
        """Yield each event with its number, until the connection ends.

        Raises Broken where that is not after the last event, and EngineTimeout where the answer takes too long.
        """
        reader, number = EventReader(), 0
        while block := await self._block(clock):
            self.bytes += len(block)
            for sent in reader.feed(block):
                number = int(sent.id) if _IS_NUMBER.fullmatch(sent.id) else number + 1
                if event := self._read(sent):
                    clock.came(event)
                    yield number, event
        raise Broken(f"{self._where} hung up before its answer was complete")

    async def drain(self) -> None:
        """Read to the end after the last event, so that the connection can be used again."""
        with suppress(Exception):
            async with asyncio.timeout(_DRAIN_SECONDS):
                async for _ in self._response.content.iter_any():
                    pass

    async def _block(self, clock: Clock) -> bytes:
        import aiohttp  # noqa: PLC0415 - only where it was used

        until = min(clock.deadline, _now() + self._limits.silence)
        try:
            async with asyncio.timeout_at(until):
                return await self._response.content.readany()
        except TimeoutError as error:
            if until == clock.deadline:
                raise clock.run_out(self._where) from error
            silence = f"{self._limits.silence:g} seconds"
            raise Broken(f"{self._where} has fallen silent: not even a heartbeat in {silence}") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Broken(f"{self._where} hung up in the middle of its answer: ask again") from error

    def _read(self, sent: ServerSentEvent) -> Event | None:
        try:
            return read_event(sent.data)
        except ValueError as error:
            raise EngineLost(f"{self._where} sent an event that cannot be read: upgrade CodeTune here") from error


def is_last(event: Event) -> bool:
    """Whether nothing follows."""
    return isinstance(event, Finished | Failed)


def _now() -> float:
    return asyncio.get_running_loop().time()
