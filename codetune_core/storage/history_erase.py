"""Removes executions and their content, some hundred rows a transaction, so that nobody waits and nothing is half-done.

Each transaction also notes that traces are left to erase, so that a process that dies leaves that to the next one.
"""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Delete,
    Update,
    and_,
    delete,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from codetune_core.domain.execution import ErrorKind, Execution, Keep, Task
from codetune_core.history.protocol import Filter
from codetune_core.storage.database import Database
from codetune_core.storage.history_budget import OPEN
from codetune_core.storage.history_rows import CONTENT, HISTORY, STUB, to_values
from codetune_core.storage.history_search import matches
from codetune_core.storage.history_traces import note
from codetune_core.storage.tables.cache import CachedAnswerRow
from codetune_core.storage.tables.history import MaintenanceRow

_BATCH = 500
_CACHE = CachedAnswerRow.__table__.c
_ANSWER = ("model_name", "model_revision", "prompt_hash")
_FULL = HISTORY.c.keep == Keep.FULL.value
_STUB = HISTORY.c.keep == Keep.NOTHING.value
_RUNNING = HISTORY.c.success.is_(None)


async def remove(database: Database, where: Filter, counted_since: dt.datetime) -> int:
    """Delete what matches now; of what a budget still counts, time, user, task and cost stay. Return how many.

    No transaction does both: each changes the derived figures once, in one order, so that none waits in a circle.
    """
    async with database.read() as session:
        last = await session.scalar(select(func.coalesce(func.max(HISTORY.c.sequence), 0)))
    found = and_(*matches(where, database.url.dialect), HISTORY.c.sequence <= last)
    counted = or_(_RUNNING, and_(HISTORY.c.executed_at >= counted_since, HISTORY.c.estimated_cost_usd > 0))
    to_stubs = update(HISTORY).values(_stub_values())
    stubs = await _in_batches(database, and_(found, counted), to_stubs, first=_forget_answers)
    rest = and_(found, ~func.coalesce(counted, false()))
    return stubs + await _in_batches(database, rest, delete(HISTORY), first=_forget_answers)


async def strip(database: Database, before: dt.datetime) -> int:
    """Remove the content of executions older than this; return how many."""
    empty = update(HISTORY).values({**dict.fromkeys(CONTENT, null()), "keep": Keep.METADATA.value})
    return await _in_batches(database, and_(_FULL, HISTORY.c.executed_at < before), empty)


async def expire_stubs(database: Database, before: dt.datetime) -> int:
    """Delete what was kept only for the budget of days before this; return how many."""
    found = and_(OPEN, _STUB, HISTORY.c.success.is_not(None), HISTORY.c.executed_at < before)
    return await _in_batches(database, found, delete(HISTORY))


async def abandon(database: Database, before: dt.datetime) -> int:
    """Record executions that began before this and never ended as lost, at the most they could cost."""
    lost = {
        "success": False,
        "error_kind": ErrorKind.ENGINE_LOST.value,
        "price_source": literal("at most: ") + HISTORY.c.price_source,
    }
    return await _in_batches(
        database, and_(OPEN, _RUNNING, HISTORY.c.executed_at < before), update(HISTORY).values(lost), traces=False
    )


async def due(
    session: AsyncSession, content: dt.datetime, metadata: dt.datetime | None, stubs: dt.datetime, lost: dt.datetime
) -> bool:
    """Tell whether anything is to be done; each part is answered by the first entry of an index."""
    at = HISTORY.c.executed_at
    parts = [
        _some(_FULL, at < content),
        _some(OPEN, _STUB, HISTORY.c.success.is_not(None), at < stubs),
        _some(OPEN, _RUNNING, at < lost),
        exists().where(MaintenanceRow.due_since.is_not(None)),
    ]
    if metadata is not None:
        parts.append(_some(at < metadata))
    return bool(await session.scalar(select(or_(*parts))))


def _some(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists(select(HISTORY.c.sequence).where(*conditions))


def _stub_values() -> dict[str, Any]:
    blank = Execution(UUID(int=0), dt.datetime.min.replace(tzinfo=dt.UTC), Task.ASK, keep=Keep.NOTHING)
    return {name: value for name, value in to_values(blank).items() if name not in STUB}


async def _in_batches(
    database: Database,
    found: ColumnElement[bool],
    change: Update | Delete,
    *,
    traces: bool = True,
    first: Callable[[AsyncSession, Sequence[int]], Awaitable[None]] | None = None,
) -> int:
    """Change the rows found, until there are no more; return how many there were."""
    total = 0
    while True:
        async with database.write() as session:
            some = (await session.scalars(select(HISTORY.c.sequence).where(found).limit(_BATCH))).all()
            rows = await _locked(session, found, some)
            if rows and first:
                await first(session, rows)
            if rows:
                await session.execute(change.where(HISTORY.c.sequence.in_(rows)))
                if traces:
                    await note(session)
        total += len(rows)
        if len(some) < _BATCH:
            return total


async def _locked(session: AsyncSession, found: ColumnElement[bool], some: Sequence[int]) -> Sequence[int]:
    """Keep others from changing some rows, in one order; return those that are still found."""
    still = select(HISTORY.c.sequence).where(HISTORY.c.sequence.in_(some), found).order_by(HISTORY.c.sequence)
    return (await session.scalars(still.with_for_update())).all()


async def _forget_answers(session: AsyncSession, rows: Sequence[int]) -> None:
    """Delete what the cache remembers of the same questions."""
    key = HISTORY.c.cache_key["key"]
    parts = [key[name].as_string() for name in _ANSWER]
    asked = (await session.execute(select(*parts).where(HISTORY.c.sequence.in_(rows)).distinct())).all()
    known = [tuple(row) for row in asked if None not in row]
    await session.execute(delete(CachedAnswerRow).where(tuple_(*(_CACHE[name] for name in _ANSWER)).in_(known)))
