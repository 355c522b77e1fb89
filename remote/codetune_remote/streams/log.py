"""The numbered events of one execution, which any number of readers follow, each at its own pace."""

import asyncio
from collections.abc import Iterator

from codetune_core.execution.events import Event, Failed, Finished, written


class EventLog:
    """Events in JSON, numbered from 1; readers keep their own place in it, and so never wait for each other.

    Attributes:
        last: the event that says how it ended, once it has come.
        closed: no event will be added any more. This comes after ``last``, when the execution is recorded too.
        bytes: length of all events.
    """

    def __init__(self) -> None:
        self.last: Finished | Failed | None = None
        self.closed = False
        self.bytes = 0
        self._events: list[tuple[bytes, bytes]] = []
        self._waiting: set[asyncio.Future[None]] = set()

    def __len__(self) -> int:
        return len(self._events)

    def add(self, event: Event) -> None:
        """Add an event, and tell who waits."""
        content = written(event)
        self._events.append((event.type.encode(), content))
        self.bytes += len(content)
        if isinstance(event, Finished | Failed):
            self.last = event
        _wake(self._waiting)

    def close(self) -> None:
        """Say that this was all."""
        self.closed = True
        _wake(self._waiting)

    def after(self, number: int, most_bytes: int) -> Iterator[tuple[int, bytes, bytes]]:
        """Yield number, type and JSON of what follows an event; at least one, then no more than fits."""
        size = 0
        for position in range(number, len(self._events)):
            kind, content = self._events[position]
            size += len(content)
            if position > number and size > most_bytes:
                return
            yield position + 1, kind, content

    async def more(self, number: int, seconds: float) -> bool:
        """Wait until there is something after an event, or nothing will be; False where that takes too long."""
        if len(self) <= number and not self.closed:
            await _wait(self._waiting, seconds)
        return len(self) > number or self.closed


async def _wait(waiting: set[asyncio.Future[None]], seconds: float) -> None:
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()
    timer = loop.call_later(seconds, _done, waiter)
    waiting.add(waiter)
    try:
        await waiter
    finally:
        timer.cancel()
        waiting.discard(waiter)


def _wake(waiting: set[asyncio.Future[None]]) -> None:
    while waiting:
        _done(waiting.pop())


def _done(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
