"""Executions by page and by stream, whatever they are filtered by."""

from collections.abc import AsyncGenerator
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from codetune_core.domain.execution import Execution
from codetune_core.history.protocol import Filter, Place
from codetune_core.storage import history_search
from codetune_core.storage.history_query import before, conditions, newest_first, position
from codetune_core.storage.history_rows import COLUMNS, HISTORY, to_execution

_BATCH = 500


async def page(session: AsyncSession, where: Filter, after: UUID | Place | None, limit: int) -> list[Execution]:
    """Return executions, the newest first, older than the one called ``after``."""
    if where.text.strip():
        query = await history_search.newest(session, where, after, limit)
    else:
        query = newest_first(select(*COLUMNS).where(*conditions(where)))
        if after is not None:
            query = query.where(before(await position(session, after)))
        query = query.limit(limit)
    rows = await session.execute(query)
    return [to_execution(row) for row in rows.mappings()]


async def count(session: AsyncSession, where: Filter) -> int:
    """Return how many executions match."""
    found = history_search.matches(where, session.get_bind().dialect.name)
    return (await session.execute(select(func.count()).select_from(HISTORY).where(*found))).scalar_one()


async def stream(session: AsyncSession, where: Filter) -> AsyncGenerator[Execution]:
    """Yield executions, the oldest first, through a cursor of the server."""
    found = history_search.matches(where, session.get_bind().dialect.name)
    query = select(*COLUMNS).where(*found).order_by(HISTORY.c.executed_at, HISTORY.c.sequence)
    rows = await session.stream(query, execution_options={"yield_per": _BATCH})
    async for row in rows.mappings():
        yield to_execution(row)
