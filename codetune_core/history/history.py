"""The history of executions: what is recorded of each, what was thought of it, and for how long it is kept."""

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from decimal import Decimal
from functools import partial
from uuid import UUID

from codetune_core.domain.execution import Execution, Feedback, Keep
from codetune_core.history.behind import Behind
from codetune_core.history.budget import Budget
from codetune_core.history.keep import keep_of, stripped
from codetune_core.history.protocol import Filter, Group, Grouping, HistoryStore, Place
from codetune_core.history.retention import Deleted, Maintained, forget, maintain
from codetune_core.sections import HistorySettings


class History:
    """Records executions as the settings allow, and forgets them in time."""

    def __init__(self, store: HistoryStore, settings: HistorySettings, budget: Budget) -> None:
        self._store = store
        self._settings = settings
        self._budget = budget
        self._behind = Behind(store)
        self._beginning: set[asyncio.Future[None]] = set()

    async def begin(self, execution: Execution) -> None:
        """Record that an execution runs; raises BudgetSpent where it may not, and then records nothing."""
        limits = self._budget.limits(execution.user_id, execution.executed_at)
        allowed = self._allowed(execution)
        if allowed.keep is not Keep.NOTHING or (limits and allowed.estimated_cost_usd is not None):
            with self._begins():
                await self._store.begin(allowed, limits)

    async def end(self, execution: Execution) -> None:
        """Record how an execution ended, whether or not its begin was recorded."""
        allowed = self._allowed(execution)
        limits = self._budget.limits(execution.user_id, execution.executed_at)
        if allowed.keep is not Keep.NOTHING or (limits and allowed.estimated_cost_usd):
            await self._store.end(allowed)
        else:
            await self._store.discard(allowed.id)

    def end_soon(self, ended: Callable[[], Execution]) -> None:
        """Record, a moment later, an execution that cost nothing and whose begin was not recorded.

        ``ended`` is asked for it then, and who reads through this object finds it at once.
        """
        self._behind.add(partial(self._to_be_kept, ended))

    async def flush(self) -> None:
        """Wait until what began and ended is written: who asks may know of it, for answers do not wait for that."""
        if self._beginning:
            await asyncio.wait(set(self._beginning))
        await self._behind.flush()

    async def get(self, execution_id: UUID) -> Execution | None:
        """Return one execution; None too where nothing of it was kept."""
        await self.flush()
        return await self._store.get(execution_id)

    async def page(self, where: Filter, before: UUID | Place | None = None, limit: int = 50) -> list[Execution]:
        """Return executions, the newest first, from the one before ``before`` on."""
        await self.flush()
        return await self._store.page(where, before, limit)

    async def place(self, execution_id: UUID) -> Place:
        """Return the place of an execution in the list, to go on from there even when it is deleted."""
        return await self._store.place(execution_id)

    async def rate(self, execution_id: UUID, feedback: Feedback) -> bool:
        """Set feedback; False where there is no such execution, ValueError where the rating is not from 1 to 5."""
        await self.flush()
        if feedback.rating is not None and feedback.rating not in range(1, 6):
            raise ValueError("a rating is a whole number from 1 to 5")
        return await self._store.rate(execution_id, feedback)

    async def count(self, where: Filter) -> int:
        """Return how many executions match."""
        await self.flush()
        return await self._store.count(where)

    async def stream(self, where: Filter) -> AsyncGenerator[Execution]:
        """Yield all executions that match, the oldest first, without holding them together in memory."""
        await self.flush()
        async with aclosing(self._store.stream(where)) as executions:
            async for execution in executions:
                yield execution

    async def statistics(
        self, by: Grouping, since: dt.datetime | None = None, keys: Sequence[UUID] = ()
    ) -> list[Group]:
        """Return figures by key, the busiest first; of these prompts or versions only, where there are any."""
        await self.flush()
        return await self._store.statistics(by, since, keys)

    async def spent(self, since: dt.datetime, user_id: str | None) -> Decimal:
        """Return US dollars since a UTC midnight, with what running executions may still cost."""
        return await self._store.spent(since, user_id)

    async def delete(self, where: Filter, *, erase: bool = True) -> Deleted:
        """Delete executions and every trace of their content; what the budget of today counts stays till tomorrow.

        Without ``erase``, traces in the database's files, which nobody is shown, go with the next maintenance: erasing
        them may keep others out of the history meanwhile.
        """
        await self.flush()
        return await forget(self._store, where, erase=erase)

    async def maintain(self) -> Maintained | None:
        """Strip, delete and close what is due by now; None where nothing is, or another process is at it."""
        return await maintain(self._store, self._settings)

    @contextmanager
    def _begins(self) -> Iterator[None]:
        written = asyncio.get_running_loop().create_future()
        self._beginning.add(written)
        try:
            yield
        finally:
            self._beginning.discard(written)
            written.set_result(None)

    def _to_be_kept(self, ended: Callable[[], Execution]) -> Execution | None:
        allowed = self._allowed(ended())
        return None if allowed.keep is Keep.NOTHING else allowed

    def _allowed(self, execution: Execution) -> Execution:
        return stripped(execution, keep_of(self._settings, execution.task, execution.workspace))
