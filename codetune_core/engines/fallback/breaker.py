"""A circuit breaker: an engine that keeps failing is left alone for a while, then tried with one request."""

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class State(StrEnum):
    """Whether an engine is asked."""

    CLOSED = "closed"
    """It is."""
    OPEN = "open"
    """It is not."""
    HALF_OPEN = "half_open"
    """By one request at a time, to see whether it is well again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a breaker opens, and for how many seconds.

    It opens after ``consecutive`` failures in a row, or where at least ``rate`` of the last ``window`` results are
    failures and there are ``least`` of them. Each time that it opens again without having closed, it stays open for
    twice as long, from ``first_delay`` to ``longest_delay``; of that, between a half and all is drawn.
    """

    consecutive: int = 5
    window: int = 20
    least: int = 10
    rate: float = 0.5
    first_delay: float = 5
    longest_delay: float = 300


class Breaker:
    """The breaker of one engine; for one event loop.

    What is said by a request that was let through before the breaker last opened or closed is ignored: many that fail
    together open it once.
    """

    def __init__(
        self,
        limits: Limits = Limits(),
        clock: Callable[[], float] = time.monotonic,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._draw = draw
        self._results: deque[bool] = deque(maxlen=limits.window)
        self._in_a_row = 0
        self._openings = 0
        self._open_until: float | None = None
        self._probing = False
        self._epoch = 0
        self.last_error = ""

    @property
    def state(self) -> State:
        """Whether the engine is asked now."""
        if self._open_until is None:
            return State.CLOSED
        return State.OPEN if self._clock() < self._open_until else State.HALF_OPEN

    @property
    def seconds_open(self) -> float:
        """How long it stays open; 0 where it is not."""
        return 0.0 if self._open_until is None else max(0.0, self._open_until - self._clock())

    def admit(self) -> "Permit | None":
        """Let a request through; None where it must not be made."""
        if self.state is State.OPEN or self._probing:
            return None
        self._probing = self.state is State.HALF_OPEN
        return Permit(self, self._epoch)

    def succeeded(self, epoch: int) -> int:
        """Note that the engine answered; the epoch that holds then is returned."""
        if epoch != self._epoch:
            return epoch
        if self._open_until is not None:
            self._close()
        self._in_a_row = 0
        self._results.append(True)
        return self._epoch

    def failed(self, epoch: int, why: str, retry_after: float | None) -> None:
        """Note that it did not, and open where that is one failure too many."""
        self.last_error = why
        if epoch != self._epoch:
            return
        self._in_a_row += 1
        self._results.append(False)
        if self._open_until is not None or self._too_many():
            self._open(retry_after or 0)

    def released(self, epoch: int) -> None:
        """Note that nothing was learnt."""
        if epoch == self._epoch:
            self._probing = False

    def _too_many(self) -> bool:
        failures = self._results.count(False)
        often = len(self._results) >= self._limits.least and failures >= self._limits.rate * len(self._results)
        return often or self._in_a_row >= self._limits.consecutive

    def _open(self, at_least: float) -> None:
        longest = min(self._limits.longest_delay, self._limits.first_delay * 2 ** min(self._openings, 30))
        delay = max(at_least, longest * (1 + self._draw()) / 2)
        self._open_until = self._clock() + delay
        self._openings += 1
        self._turn()

    def _close(self) -> None:
        self._open_until = None
        self._openings = 0
        self._turn()

    def _turn(self) -> None:
        self._epoch += 1
        self._probing = False
        self._in_a_row = 0
        self._results.clear()


class Permit:
    """One request that a breaker let through; what became of it is said by one of the methods, else by leaving it."""

    def __init__(self, breaker: Breaker, epoch: int) -> None:
        self._breaker = breaker
        self._epoch = epoch

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._breaker.released(self._epoch)

    def succeeded(self) -> None:
        """Say that the engine answers; a failure may still follow."""
        self._epoch = self._breaker.succeeded(self._epoch)

    def failed(self, why: str, retry_after: float | None = None) -> None:
        """Say that it does not; it asks to be left alone for ``retry_after`` seconds."""
        self._breaker.failed(self._epoch, why, retry_after)
