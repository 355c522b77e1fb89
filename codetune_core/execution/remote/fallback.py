"""Runs executions here while the service that should run them sleeps or cannot be reached."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import UUID

from codetune_core.domain.execution import ExecutionRequest, Feedback
from codetune_core.execution.events import Event, Failed, Started
from codetune_core.execution.protocol import Executor

_REST_SECONDS = 20.0


class FallbackExecutor:
    """Asks one executor, and another one where the first says that it is unavailable before anything was generated.

    Why it was this machine that answered is said in the notices of ``Started``. After a failure the first one is left
    alone for ``rest`` seconds, so that not everybody waits to find out the same.
    """

    def __init__(self, first: Executor, second: Executor, rest: float = _REST_SECONDS) -> None:
        self._first = first
        self._second = second
        self._rest = rest
        self._resting_until = 0.0
        self._why = ""

    async def execute(self, request: ExecutionRequest) -> AsyncGenerator[Event]:
        began = False
        if _now() >= self._resting_until:
            async with aclosing(self._first.execute(request)) as events:
                async for event in events:
                    began = began or isinstance(event, Started)
                    if isinstance(event, Failed) and event.unavailable and not began:
                        self._resting_until, self._why = _now() + self._rest, event.message
                        break
                    yield event
                else:
                    return
        told = f"answered by this machine, because {self._why}"
        async with aclosing(self._second.execute(request)) as events:
            async for event in events:
                yield _noticed(event, told)

    async def rate(self, execution_id: UUID, feedback: Feedback) -> bool:
        return await self._second.rate(execution_id, feedback) or await self._first.rate(execution_id, feedback)


def _noticed(event: Event, told: str) -> Event:
    match event:
        case Started():
            return event.model_copy(update={"notices": (*event.notices, told)})
        case Failed():
            return event.model_copy(update={"message": f"{event.message} ({told})"})
    return event


def _now() -> float:
    return asyncio.get_running_loop().time()
