"""The history in a database: each execution is written when it begins and again when it has ended."""

import datetime as dt
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, case, delete, insert, null, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from codetune_core.domain.execution import Execution, Feedback, Keep
from codetune_core.errors import InvalidInput
from codetune_core.history.keep import stripped
from codetune_core.history.protocol import Filter, Group, Grouping, Limit, Place
from codetune_core.storage import (
    history_budget,
    history_erase,
    history_list,
    history_query,
    history_statistics,
    history_traces,
)
from codetune_core.storage.database import Database
from codetune_core.storage.group_commit import GroupCommit
from codetune_core.storage.history_rows import COLUMNS, HISTORY, storable, to_execution, to_values

_FEEDBACK = {"user_feedback", "user_feedback_text", "outcome"}
_WHICH = ("id", "executed_at")
_ITS = {column.name: bindparam(f"its_{column.name}", type_=column.type) for column in COLUMNS}
_END = (
    update(HISTORY)
    .where(*(HISTORY.c[name] == _ITS[name] for name in _WHICH))
    .values({name: its for name, its in _ITS.items() if name not in _FEEDBACK and name not in _WHICH})
)
"""Over a running row; parameters are named after the columns, as ``its_...``."""


class SqlHistoryStore:
    """A HistoryStore."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._begins = GroupCommit(self.add, self._begin)
        self._ends = GroupCommit(self._end_together, self._end)

    async def begin(self, execution: Execution, limits: Sequence[Limit] = ()) -> None:
        if limits or not self._database.has_one_writer:
            await self._begin(execution, limits)
        else:
            await self._begins.write(execution)

    async def _begin(self, execution: Execution, limits: Sequence[Limit] = ()) -> None:
        async def write(execution: Execution) -> None:
            async with self._database.write() as session:
                await history_budget.check(session, execution, limits)
                await session.execute(insert(HISTORY), to_values(execution))

        try:
            await _despite_purge(write, execution)
        except IntegrityError:
            raise InvalidInput(f"there is an execution {execution.id} already: ask with another id") from None

    async def end(self, execution: Execution) -> None:
        await (self._ends.write(execution) if self._database.has_one_writer else self._end(execution))

    async def _end(self, execution: Execution) -> None:
        async def write(execution: Execution) -> None:
            await self._end_together([execution])

        await _despite_purge(write, execution)

    async def _end_together(self, executions: Sequence[Execution]) -> None:
        async with self._database.write() as session:
            await _write_ends(session, executions)

    async def add(self, executions: Sequence[Execution]) -> None:
        async with self._database.write() as session:
            await session.execute(insert(HISTORY), [to_values(execution) for execution in executions])

    async def discard(self, execution_id: UUID) -> None:
        async with self._database.write() as session:
            await session.execute(delete(HISTORY).where(HISTORY.c.id == execution_id))

    async def get(self, execution_id: UUID) -> Execution | None:
        wanted = select(*COLUMNS).where(HISTORY.c.id == execution_id, HISTORY.c.keep != Keep.NOTHING.value)
        async with self._database.read() as session:
            row = (await session.execute(wanted)).mappings().one_or_none()
        return to_execution(row) if row else None

    async def page(self, where: Filter, before: UUID | Place | None = None, limit: int = 50) -> list[Execution]:
        async with self._database.read() as session:
            return await history_list.page(session, where, before, limit)

    async def place(self, execution_id: UUID) -> Place:
        async with self._database.read() as session:
            return await history_query.position(session, execution_id)

    async def stream(self, where: Filter) -> AsyncGenerator[Execution]:
        async with self._database.read() as session, aclosing(history_list.stream(session, where)) as executions:
            async for execution in executions:
                yield execution

    async def count(self, where: Filter) -> int:
        async with self._database.read() as session:
            return await history_list.count(session, where)

    async def rate(self, execution_id: UUID, feedback: Feedback) -> bool:
        values: dict[str, Any] = {}
        if feedback.rating is not None:
            values["user_feedback"] = feedback.rating
        if feedback.outcome is not None:
            values["outcome"] = feedback.outcome.value
        if feedback.text is not None:
            text = storable("user_feedback_text", feedback.text)
            values["user_feedback_text"] = case((HISTORY.c.keep == Keep.FULL.value, text), else_=null())
        known = (HISTORY.c.id == execution_id, HISTORY.c.keep != Keep.NOTHING.value)
        async with self._database.write() as session:
            found = (await session.scalars(select(HISTORY.c.sequence).where(*known).with_for_update())).first()
            if found is not None and values:
                await session.execute(update(HISTORY).where(HISTORY.c.sequence == found).values(values))
        return found is not None

    async def spent(self, since: dt.datetime, user_id: str | None) -> Decimal:
        async with self._database.read() as session:
            return await history_budget.spent(session, since, user_id)

    async def statistics(
        self, by: Grouping, since: dt.datetime | None = None, keys: Sequence[UUID] = ()
    ) -> list[Group]:
        async with self._database.read() as session:
            return await history_statistics.statistics(session, by, since, keys)

    async def delete(self, where: Filter, counted_since: dt.datetime) -> int:
        return await history_erase.remove(self._database, where, counted_since)

    async def strip(self, before: dt.datetime) -> int:
        return await history_erase.strip(self._database, before)

    async def expire_stubs(self, before: dt.datetime) -> int:
        return await history_erase.expire_stubs(self._database, before)

    async def abandon(self, before: dt.datetime) -> int:
        return await history_erase.abandon(self._database, before)

    async def erase_traces(self, *, wholly: bool) -> bool:
        return await history_traces.erase(self._database, wholly=wholly)

    async def due(
        self, content: dt.datetime, metadata: dt.datetime | None, stubs: dt.datetime, lost: dt.datetime
    ) -> bool:
        async with self._database.read() as session:
            return await history_erase.due(session, content, metadata, stubs, lost)

    async def lease(self, until: dt.datetime) -> bool:
        return await history_traces.lease(self._database, until)

    async def release(self) -> None:
        await history_traces.release(self._database)


async def _despite_purge(write: Callable[[Execution], Awaitable[None]], execution: Execution) -> None:
    """Write without the prompt where it was purged meanwhile: its history stays."""
    try:
        await write(execution)
    except IntegrityError:
        if execution.prompt_id is None:
            raise
        await write(replace(execution, prompt_id=None, version_id=None))


async def _write_ends(session: AsyncSession, executions: Sequence[Execution]) -> None:
    # The time too: an id that somebody else chose again overwrites nothing.
    ids = [execution.id for execution in executions]
    begun = select(HISTORY.c.id, HISTORY.c.executed_at, HISTORY.c.keep).where(HISTORY.c.id.in_(ids)).with_for_update()
    keeps = {(row.id, row.executed_at): Keep(row.keep) for row in await session.execute(begun)}
    new, ended = list[dict[str, Any]](), list[dict[str, Any]]()
    for execution in executions:
        if keep := keeps.get((execution.id, execution.executed_at)):
            # what was deleted, stripped or said of it while it ran stays so
            ended.append(to_values(stripped(execution, keep)))
        else:
            new.append(to_values(execution))
    if new:
        await session.execute(insert(HISTORY), new)
    if ended:
        rows = [{f"its_{name}": value for name, value in values.items()} for values in ended]
        await (await session.connection()).execute(_END, rows)
