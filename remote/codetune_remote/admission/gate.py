"""The gate that everything passes which keeps an engine busy: it lets in as many as may run, and makes others wait."""

import asyncio
import math
import time
from collections import deque
from statistics import fmean
from types import TracebackType
from typing import Self

from codetune_core.domain.execution import Priority
from codetune_core.errors import EngineTimeout
from codetune_core.service_sections import ServeSettings
from codetune_remote.admission.queue import FairQueue, QueueFull

_REMEMBERED = 64
_UNKNOWN_SECONDS = 5.0
"""What a turn is taken to last before one has ended."""
_LONGEST_RETRY_SECONDS = 300


class GateFull(Exception):  # noqa: N818 - it is no error
    """There is no room to wait; try again after ``retry_after`` seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Ticket:
    """A place in the queue, then a turn: ``async with`` it, or ``leave`` it; made by ``Gate.enter``."""

    def __init__(self, gate: "Gate", user: str, deadline: float | None) -> None:
        self.user = user
        self._gate = gate
        self._deadline = deadline
        self._entered_at = time.monotonic()
        self.began_at: float | None = None
        self._begun = asyncio.Event()
        self._left = False

    @property
    def queue_seconds(self) -> float:
        """How long it waited, so far or in all."""
        return (self.began_at or time.monotonic()) - self._entered_at

    async def begun(self) -> None:
        """Wait for the turn; raises EngineTimeout where the deadline passes first."""
        if self.began_at is None:
            try:
                async with asyncio.timeout_at(self._deadline):
                    await self._begun.wait()
            except TimeoutError:
                raise self._too_late() from None
        if self._deadline is not None and asyncio.get_running_loop().time() >= self._deadline:
            raise self._too_late()

    def begin(self) -> None:
        """Give it its turn; the gate's to call."""
        self.began_at = time.monotonic()
        self._begun.set()

    def leave(self) -> None:
        """End the turn, or give the place up; once more does nothing."""
        if not self._left:
            self._left = True
            self._gate.leave(self)

    async def __aenter__(self) -> Self:
        try:
            await self.begun()
        except BaseException:
            self.leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.leave()

    def _too_late(self) -> EngineTimeout:
        return EngineTimeout(
            f"its deadline passed after {self.queue_seconds:.1f} s in the queue, so it was not started"
        )


class Gate:
    """Turns for all who want an engine; see FairQueue for who goes first."""

    def __init__(self, settings: ServeSettings) -> None:
        self._slots = settings.concurrent
        self._queue: FairQueue[Ticket] = FairQueue(settings.concurrent, settings.queue, settings.queue_per_user)
        self._turn_seconds: deque[float] = deque(maxlen=_REMEMBERED)

    @property
    def running(self) -> int:
        """How many have their turn."""
        return self._queue.running

    @property
    def waiting(self) -> int:
        """How many wait."""
        return self._queue.waiting

    def waiting_at(self, priority: Priority) -> int:
        """Return how many of a priority wait."""
        return self._queue.waiting_at(priority)

    def enter(self, user: str, priority: Priority, deadline_seconds: float | None = None) -> Ticket:
        """Take a place; after ``deadline_seconds`` it is worth nothing any more. Raises GateFull."""
        deadline = None if deadline_seconds is None else asyncio.get_running_loop().time() + deadline_seconds
        ticket = Ticket(self, user, deadline)
        try:
            if self._queue.enter(ticket, user, priority):
                ticket.begin()
        except QueueFull as full:
            raise self._full(user, of_user=full.of_user) from None
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Let a ticket go, and give the next one its turn; the ticket's to call."""
        following = self._queue.leave(ticket)
        if ticket.began_at is not None:
            self._turn_seconds.append(time.monotonic() - ticket.began_at)
        if following is not None:
            following.begin()

    def expected_seconds(self, before: int) -> float:
        """Return about how long it takes until so many have had their turn, from how long the last ones took."""
        turn = fmean(self._turn_seconds) if self._turn_seconds else _UNKNOWN_SECONDS
        return before * turn / self._slots

    def _full(self, user: str, *, of_user: bool) -> GateFull:
        waiting = self._queue.waiting_of(user) if of_user else self.waiting
        seconds = min(max(1, math.ceil(self.expected_seconds(max(waiting, 1)))), _LONGEST_RETRY_SECONDS)
        if of_user:
            return GateFull(f"{waiting} of your requests wait already: let some of them end first", seconds)
        return GateFull(f"{self.running} requests run and {waiting} wait: try again in about {seconds} s", seconds)
