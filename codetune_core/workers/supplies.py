"""What a worker's owner supplies while a task runs: each is made beside the others, and sent when it is there."""

import asyncio
from collections.abc import Awaitable, Callable

from codetune_core.errors import CodeTuneError
from codetune_core.mending.proposal import Proposal
from codetune_core.workers.messages import Supply, Wanted

Supplier = Callable[[Wanted], Awaitable[Proposal]]
"""Makes what is wanted. A CodeTuneError is one candidate's end; anything else that it raises ends the task."""


class Supplies:
    """Of one task; ``send`` sends to the worker, ``ended`` is told of each that was made, with what else it raised."""

    def __init__(
        self,
        number: int,
        supplier: Supplier,
        send: Callable[[Supply], None],
        ended: Callable[[BaseException | None], None],
    ) -> None:
        self._number, self._supplier = number, supplier
        self._send, self._ended = send, ended
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def are_awaited(self) -> bool:
        """Whether the worker waits for any."""
        return bool(self._tasks)

    def begin(self, wanted: Wanted) -> None:
        """Make one."""
        task = asyncio.create_task(self._supply(wanted))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def aclose(self) -> None:
        """Stop what is being made, and wait until it has stopped."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _supply(self, wanted: Wanted) -> None:
        try:
            self._send(Supply(self._number, wanted.candidate, await self._supplier(wanted)))
        except CodeTuneError as error:
            self._send(Supply(self._number, wanted.candidate, None, str(error)))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._ended(task.exception())
