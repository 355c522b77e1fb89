"""What a server tells of itself, asked again after a while; the last answer holds where that fails."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from codetune_core.errors import ExecutionError

T = TypeVar("T")


class Fresh(Generic[T]):
    """The answer to one question; who asks at the same time waits for the same answer."""

    def __init__(self, ask: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._answers: list[T] = []
        self._asked_at = 0.0
        self._asking = asyncio.Lock()

    async def get(self) -> T:
        """Return the answer; raises what asking raises, where there never was one."""
        async with self._asking:
            if not self._answers or time.monotonic() - self._asked_at > self._seconds:
                await self._renew()
            return self._answers[0]

    async def _renew(self) -> None:
        try:
            self._answers = [await self._ask()]
        except ExecutionError:
            if not self._answers:
                raise
        self._asked_at = time.monotonic()
