"""What is done where a service could not be asked, or was lost in the middle: wait and ask again, or give up."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass

from codetune_core.errors import CodeTuneError, EngineLost, ExecutionCancelled, ExecutionError
from codetune_core.execution.events import Waiting
from codetune_core.execution.remote.connection import ServiceConnection, Start
from codetune_core.execution.remote.faults import Busy, Ending, Stranger, Unreachable
from codetune_core.execution.remote.limits import Limits
from codetune_core.execution.remote.space import Space

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_STARTS = 3


@dataclass(frozen=True, slots=True)
class Route:
    """The way to a service.

    ``space`` is what stands behind the connection where that is a Space; ``waits`` whether a service that cannot be
    reached is waited for.
    """

    connection: ServiceConnection
    space: Space | None = None
    waits: bool = True


class Recovery:
    """The failures of one execution.

    Attributes:
        waits: whether a service that cannot be reached is asked again; where not, the first failure is the last.
        patient: whether one that is full is asked again: nobody waits for what was typed over.
    """

    def __init__(self, route: Route, stopped: asyncio.Event, *, patient: bool) -> None:
        self.waits = route.waits and patient
        self.patient = patient
        self._connection = route.connection
        self._space = route.space
        self._stopped = stopped
        self._began_at = _now()
        self._failing_since: float | None = None
        self._connected_at = 0.0
        self._failures = 0
        self._starts = 0

    @property
    def _limits(self) -> Limits:
        return self._connection.limits

    def connected(self) -> None:
        """Note that the service answers."""
        self._connected_at = _now()

    def went_on(self) -> None:
        """Note that something new came: what failed before counts no more."""
        self._failing_since, self._failures = None, 0

    async def after(self, failure: ExecutionError, *, began: bool) -> AsyncGenerator[Waiting]:
        """Wait until it is worth asking again; raises what ends the execution.

        ``began`` says whether the service had taken it: then it is only picked up, where that is possible.
        """
        if began and self._connected_at and _now() - self._connected_at > _LONGEST_PAUSE:
            self.went_on()  # it was heard for a while
        self._failing_since = self._failing_since or _now()
        self._failures += 1
        self._connected_at = 0.0
        if began:
            events = self._picked_up(failure)
        elif isinstance(failure, Busy) and not (isinstance(failure, Ending) and self._connection.start):
            events = self._queued(failure)
        else:
            events = self._reached(failure if isinstance(failure, Unreachable) else Unreachable(str(failure)))
        async with aclosing(events) as waited:
            async for waiting in waited:
                yield waiting

    async def _picked_up(self, failure: ExecutionError) -> AsyncGenerator[Waiting]:
        if not self._connection.resumable:
            raise failure
        if self._failed_for > self._limits.resume:
            raise EngineLost(f"{failure}. It could not be picked up again within {self._limits.resume:g} seconds")
        if self._failures == 2:  # noqa: PLR2004 - the first time is over before it is read
            yield Waiting(reason=f"the connection to {self._connection.where} broke, and is being picked up again")
        await self.pause(self._backoff)

    async def _queued(self, failure: Busy) -> AsyncGenerator[Waiting]:
        seconds = max(failure.retry_after or 0.0, self._backoff)
        if not self.patient or _now() + seconds - self._began_at > self._limits.patience:
            raise failure
        yield Waiting(reason=str(failure), seconds=seconds)
        await self.pause(seconds)

    async def _reached(self, failure: Unreachable) -> AsyncGenerator[Waiting]:
        if self._space:
            async with aclosing(self._space.awake(failure, self.pause, waits=self.waits)) as waited:
                async for waiting in waited:
                    self.went_on()
                    yield waiting
        if isinstance(failure, Stranger) and not failure.may_pass:
            raise failure
        if self._connection.start and self._starts < _STARTS:
            self._starts += 1
            await self._start(self._connection.start)
            return
        if not self.waits or self._failed_for > self._limits.reach:
            raise failure
        if self._failures == 2:  # noqa: PLR2004
            yield Waiting(reason=f"{self._connection.where} cannot be reached, and is asked again: {failure}")
        await self.pause(self._backoff)

    async def _start(self, start: Start) -> None:
        try:
            await start()
        except ExecutionError:
            raise
        except CodeTuneError as error:
            raise Unreachable(str(error)) from error

    async def pause(self, seconds: float) -> None:
        """Wait; raises ExecutionCancelled where the executor is closed meanwhile."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        if self._stopped.is_set():
            raise ExecutionCancelled("it was stopped")

    @property
    def _failed_for(self) -> float:
        return _now() - (self._failing_since or _now())

    @property
    def _backoff(self) -> float:
        longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (self._failures - 1))
        return random.uniform(longest / 2, longest)  # noqa: S311 - so that not all come back at once


def _now() -> float:
    return asyncio.get_running_loop().time()
