"""Single flight: equal requests that come while one is being answered watch it, instead of starting another."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Hashable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from codetune_core.domain.faults import log_fault
from codetune_core.errors import ExecutionCancelled

if TYPE_CHECKING:
    from types import TracebackType

Result = TypeVar("Result")
_LOG = logging.getLogger(__name__)
_PAUSE = 1 / 60
"""Seconds between two pieces: no screen shows more of them, and each costs as much as many tokens."""


class Flight(Generic[Result]):
    """One answer in the making, for all who watch it.

    The work calls ``open`` once it may be answered, ``push`` for each piece, ``begin_again`` where those until now are
    void, and ``finish`` with the result; what it does after that keeps nobody waiting. An error that it raises is
    raised for all who watch. It is cancelled when the last one leaves before the result is there.

    Attributes:
        problems: why it began again, each time that it did; ``pieces`` are those since the last time.
    """

    def __init__(self) -> None:
        self._open = False
        self._result: Result | None = None
        self._error: Exception | None = None
        self._raised_at: TracebackType | None = None
        self._ended = asyncio.Event()
        self._left = asyncio.Event()
        self._changed = asyncio.Event()
        self._tries: list[list[str]] = [[]]
        self.problems: list[str] = []

    @classmethod
    def over(cls, text: str, result: Result) -> "Flight[Result]":
        """Return one that nobody has to wait for."""
        flight = cls()
        flight.open()
        flight.push(text)
        flight.finish(result)
        flight.leave()
        return flight

    def open(self) -> None:
        """Say that there will be an answer."""
        self._open = True
        self._tell()

    def push(self, piece: str) -> None:
        """Add the next piece."""
        self._tries[-1].append(piece)
        self._tell()

    def begin_again(self, problem: str) -> None:
        """Say that other pieces follow instead of those until now, and why."""
        self.problems.append(problem)
        self._tries.append([])
        self._tell()

    def finish(self, result: Result) -> None:
        """End it well."""
        self._result = result
        self._end()

    def fail(self, error: Exception) -> None:
        """End it badly."""
        self._error, self._raised_at = error, error.__traceback__
        self._end()

    @property
    def so_far(self) -> str:
        """All that was written until now, with an empty line between one try and the next."""
        return "\n\n".join("".join(pieces) for pieces in self._tries)

    @property
    def has_ended(self) -> bool:
        """Whether the result or the error is there."""
        return self._ended.is_set()

    async def ended(self) -> None:
        """Wait for the result or the error."""
        await self._ended.wait()

    async def left(self) -> None:
        """Wait until the work is done wholly, what it does after the result too."""
        await self._left.wait()

    def leave(self) -> None:
        """Say that the work is done wholly."""
        self._left.set()

    async def opened(self) -> None:
        """Wait until there will be an answer; raises the error of work that never came so far."""
        while not self._open:
            if self.has_ended:
                self.result()
            await self._changed.wait()

    async def pieces(self, begun_again: int = 0) -> AsyncGenerator[str]:
        """Yield what is there at once, as one piece, then each piece as it comes, until it begins again or ends.

        ``begun_again`` is how often it had then. Raises the work's error.
        """
        at, pieces, yielded_at = 0, self._tries[begun_again], -_PAUSE
        while True:
            if new := "".join(pieces[at:]):
                if (early := yielded_at + _PAUSE - time.monotonic()) > 0 and not self.has_ended:
                    await self._ended_within(early)
                    new = "".join(pieces[at:])
                at, yielded_at = len(pieces), time.monotonic()
                yield new
            elif begun_again < len(self.problems):
                return
            elif self.has_ended:
                break
            else:
                await self._changed.wait()
        self.result()

    async def _ended_within(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()

    @property
    def landed(self) -> Result | None:
        """The result, where there is one."""
        return self._result

    def result(self) -> Result:
        """Return the result of ended work, or raise its error."""
        if self._error:
            raise self._error.with_traceback(self._raised_at)  # else it grows with each who watches
        if self._result is None:
            raise RuntimeError("the work has not ended")
        return self._result

    def _end(self) -> None:
        self._ended.set()
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed.clear()


@dataclass(slots=True, eq=False)
class _Watched(Generic[Result]):
    flight: Flight[Result]
    task: asyncio.Task[None]
    watchers: int = 0


Work = Callable[[Flight[Result]], Coroutine[Any, Any, None]]


class Flights(Generic[Result]):
    """All flights of this process, by key."""

    def __init__(self) -> None:
        self._shared: dict[Hashable, _Watched[Result]] = {}
        self._all: set[_Watched[Result]] = set()

    @asynccontextmanager
    async def join(self, key: Hashable | None, work: Work[Result]) -> AsyncIterator[tuple[Flight[Result], bool]]:
        """Watch the flight of this key, and start it where there is none; None for a flight of one's own.

        Gives the flight, and whether it was started. Who leaves last stops it, and leaves when it has stopped.
        """
        known = self._shared.get(key) if key is not None else None
        watched = known or self._start(key, work)
        watched.watchers += 1
        try:
            yield watched.flight, known is None
        finally:
            watched.watchers -= 1
            if not watched.watchers and not watched.flight.has_ended:
                self._forget(key, watched.flight)
                watched.task.cancel()
                await asyncio.wait({watched.task})

    async def aclose(self) -> None:
        """Stop what has no result yet, and wait for all."""
        for watched in self._all:
            if not watched.flight.has_ended:
                watched.task.cancel()
        while tasks := {watched.task for watched in self._all}:
            await asyncio.wait(tasks)

    def _start(self, key: Hashable | None, work: Work[Result]) -> _Watched[Result]:
        flight: Flight[Result] = Flight()
        watched = _Watched(flight, asyncio.create_task(self._run(key, flight, work)))
        self._all.add(watched)
        if key is not None:
            self._shared[key] = watched
        watched.task.add_done_callback(lambda _: self._landed(key, watched))
        return watched

    def _landed(self, key: Hashable | None, watched: _Watched[Result]) -> None:
        self._all.discard(watched)
        self._forget(key, watched.flight)
        if not watched.flight.has_ended:
            watched.flight.fail(ExecutionCancelled("it was stopped before it began"))
        watched.flight.leave()

    async def _run(self, key: Hashable | None, flight: Flight[Result], work: Work[Result]) -> None:
        try:
            await work(flight)
        except asyncio.CancelledError:
            self._failed(key, flight, ExecutionCancelled("it was stopped"))
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, all who watch get it
            if flight.has_ended:
                log_fault(_LOG, "what follows an answer failed", error)
            self._failed(key, flight, error)

    def _failed(self, key: Hashable | None, flight: Flight[Result], error: Exception) -> None:
        self._forget(key, flight)
        if not flight.has_ended:
            flight.fail(error)

    def _forget(self, key: Hashable | None, flight: Flight[Result]) -> None:
        """New requests start anew; those that are there keep watching."""
        if key is not None and key in self._shared and self._shared[key].flight is flight:
            del self._shared[key]
