"""Writes what is to be written at the same time in one transaction (group commit)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
_MOMENT = 0.002
"""Seconds for others to come; meanwhile the answer that is recorded here reaches who waits for it."""
_MOST = 200
"""In one transaction, so that other writers do not wait for long."""


class GroupCommit(Generic[Item]):
    """A queue before a database with a single writer: what comes during one transaction makes up the next.

    ``together`` writes some items in one transaction, all or none; ``alone`` writes one. Where some cannot be written
    together each is written alone, so that it gets its own error.
    """

    def __init__(
        self, together: Callable[[Sequence[Item]], Awaitable[None]], alone: Callable[[Item], Awaitable[None]]
    ) -> None:
        self._together = together
        self._alone = alone
        self._waiting: list[tuple[Item, asyncio.Future[None]]] = []
        self._unwritten: set[asyncio.Future[None]] = set()
        self._writing: asyncio.Task[None] | None = None

    async def write(self, item: Item) -> None:
        """Write an item; it is written even where who asked is cancelled meanwhile."""
        written = asyncio.get_running_loop().create_future()
        self._waiting.append((item, written))
        self._unwritten.add(written)
        written.add_done_callback(self._unwritten.discard)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        await asyncio.shield(written)

    async def flush(self) -> None:
        """Wait until all that came so far is written, or cannot be."""
        if self._unwritten:
            await asyncio.wait(set(self._unwritten))

    async def _write(self) -> None:
        while self._waiting:
            await asyncio.sleep(_MOMENT)
            group, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
            if len(group) == 1 or not await self._written(group):
                for item, written in group:
                    await _settled(written, self._alone(item))
        self._writing = None

    async def _written(self, group: "Sequence[tuple[Item, asyncio.Future[None]]]") -> bool:
        try:
            await self._together([item for item, _ in group])
        except Exception:  # noqa: BLE001 - one of them is at fault, or what all need
            return False
        for _, written in group:
            written.set_result(None)
        return True


async def _settled(written: "asyncio.Future[None]", writing: Awaitable[None]) -> None:
    try:
        await writing
    except Exception as error:  # noqa: BLE001 - whatever it is, it is for who waits
        written.set_exception(error)
    else:
        written.set_result(None)
