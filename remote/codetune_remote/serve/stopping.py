"""Signals that end a service: the first one drains it, the second one ends it at once."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

_ENDING = (signal.SIGTERM, signal.SIGINT)

T = TypeVar("T")


class Stop:
    """Whether this process is to end."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._at_once = asyncio.Event()

    def listen(self) -> None:
        """Take the signals of this process."""
        for number in _ENDING:
            asyncio.get_running_loop().add_signal_handler(number, self.ask)

    def ask(self) -> None:
        """End in good order; asked again, at once."""
        if not self._asked.is_set():
            self._asked.set()
            return
        self._at_once.set()
        for number in _ENDING:  # a third one is the system's to deal with
            asyncio.get_running_loop().remove_signal_handler(number)

    async def asked(self) -> None:
        """Wait until it is to end."""
        await self._asked.wait()

    async def unless_asked(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what some work returns, or None where it is to end before that; raises what the work raises."""
        return await _unless(self._asked, work)

    async def unless_at_once(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what some work returns, or None where it is to end at once."""
        return await _unless(self._at_once, work)


async def _unless(event: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    doing, stopped = asyncio.ensure_future(work), asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({doing, stopped}, return_when=asyncio.FIRST_COMPLETED)
        return doing.result() if doing.done() else None
    finally:
        stopped.cancel()
        doing.cancel()
        await asyncio.wait({doing, stopped})
