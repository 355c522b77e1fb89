"""Erases what removed content leaves behind: words in the search index, bytes in free pages, the write-ahead log."""

import asyncio
import datetime as dt
from typing import Any

from sqlalchemy import or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from codetune_core.domain.clock import utc_now
from codetune_core.storage.database import Database
from codetune_core.storage.tables.history import MaintenanceRow

_PAGES = 500
"""Of the search index, merged in one transaction."""
_MERGED = 2
"""FTS5: fewer rows changed than this, and there was nothing to merge."""
_ANEW = tuple(
    f"VACUUM FULL {table}" for table in ("execution_history", "execution_search", "model_cache", "embedding_cache")
)
_FREED = ("VACUUM execution_history", "VACUUM execution_search", "REINDEX INDEX CONCURRENTLY execution_search_words")
_TRIES = 100
_PAUSE_SECONDS = 0.1
_MINE = MaintenanceRow.task == "retention"


async def note(session: AsyncSession) -> None:
    """Note in the transaction that removes content that its traces are left to erase."""
    await session.execute(update(MaintenanceRow).where(_MINE).values(due_since=utc_now()))


async def lease(database: Database, until: dt.datetime) -> bool:
    """Take the upkeep of the history for this process; False while another one has it."""
    now = utc_now()
    free = or_(MaintenanceRow.leased_until.is_(None), MaintenanceRow.leased_until < now)
    taken = update(MaintenanceRow).where(_MINE, free).values(leased_until=until).returning(MaintenanceRow.task)
    async with database.write() as session:
        return (await session.execute(taken)).first() is not None


async def release(database: Database) -> None:
    """Give the upkeep back."""
    async with database.write() as session:
        await session.execute(update(MaintenanceRow).where(_MINE).values(leased_until=None))


async def erase(database: Database, *, wholly: bool) -> bool:
    """Erase the traces of all content that was removed; False where others' open transactions still hold some.

    On SQLite the search index is merged, the file is written anew, for deleted bytes stay in pages whose rows moved,
    and the log is emptied. On PostgreSQL ``wholly`` writes the tables anew, during which nobody else can use the
    history; else their pages are freed, to be overwritten in time, and only the index of words is made anew.
    """
    async with database.read() as session:
        due = await session.scalar(select(MaintenanceRow.due_since).where(_MINE))
    if due is None:
        return True
    if database.url.dialect == "sqlite":
        await _merge(database)
        erased = await _rewrite_sqlite(database)
    else:
        erased = await _vacuum_postgresql(database, wholly=wholly)
    if erased:
        async with database.write() as session:  # what was removed meanwhile is due later
            done = update(MaintenanceRow).where(_MINE, MaintenanceRow.due_since == due).values(due_since=None)
            await session.execute(done)
    return erased


async def _merge(database: Database) -> None:
    """Merge the search index step by step: FTS5 holds deleted words until all its segments are one."""
    step = -_PAGES  # a negative number begins with all segments
    while await _merge_step(database, step):
        step = _PAGES


async def _merge_step(database: Database, pages: int) -> bool:
    changes = text("SELECT total_changes()")
    async with database.write() as session:
        before = await session.scalar(changes)
        await session.execute(
            text("INSERT INTO execution_search (execution_search, rank) VALUES ('merge', :pages)"), {"pages": pages}
        )
        return bool(await session.scalar(changes) - before >= _MERGED)


async def _rewrite_sqlite(database: Database) -> bool:
    async with database.connection() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await (await driver.execute("VACUUM")).close()
        cursor = await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (busy, *_) = await cursor.fetchone()
        await cursor.close()
    return not busy


async def _vacuum_postgresql(database: Database, *, wholly: bool) -> bool:
    async with database.connection() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        if not await _nobody_sees_it(connection):
            return False
        for statement in _ANEW if wholly else _FREED:
            await connection.exec_driver_sql(statement)
    return True


async def _nobody_sees_it(connection: AsyncConnection) -> bool:
    """Wait until all transactions have ended that began before: VACUUM keeps what they may still see."""
    now = (await connection.execute(text("SELECT pg_current_xact_id()::text"))).scalar_one()
    for _ in range(_TRIES):
        if not (await connection.execute(_OLDER, {"now": now})).scalar_one():
            return True
        await asyncio.sleep(_PAUSE_SECONDS)
    return False


_OLDER = text(
    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND age(backend_xmin) > age(CAST(CAST(CAST(:now AS text) AS xid8) AS xid)))"
)
