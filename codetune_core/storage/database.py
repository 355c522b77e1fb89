"""A Database: one pool of connections, with reading and writing transactions that mean the same on both kinds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Self

from sqlalchemy import URL, Connection, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from codetune_core.storage.postgresql_url import ServerUrl
from codetune_core.storage.url import DatabaseUrl

BUSY_SECONDS = 30
_CONNECT_SECONDS = 15
WRITES = "codetune_writes"
"""The execution option of a connection whose transactions write."""


class Database:
    """Connections to one database; close it when done.

    On SQLite a writing transaction takes the write lock when it begins, so that it never fails half-way because
    another one wrote; within this process writers queue. A connection to PostgreSQL is tried for ``connect_seconds``.
    """

    def __init__(self, url: DatabaseUrl, connect_seconds: float = _CONNECT_SECONDS) -> None:
        self.url = url
        self.engine = _postgresql_engine(url.server, connect_seconds) if url.server else _sqlite_engine(url)
        self._queue = asyncio.Lock() if url.dialect == "sqlite" else nullcontext()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """One transaction that only reads."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """One transaction; it is committed at the end, and undone by an error."""
        async with self._queue, self.engine.connect() as connection:
            await connection.execution_options(**{WRITES: True})
            async with AsyncSession(connection, expire_on_commit=False) as session, session.begin():
                yield session

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection, for what is not a query."""
        async with self.engine.connect() as connection:
            yield connection

    async def aclose(self) -> None:
        """Close all connections."""
        await self.engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _sqlite_engine(url: DatabaseUrl) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(url.path)),
        connect_args={"timeout": BUSY_SECONDS},
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # the driver's own transactions begin too late
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "secure_delete = ON",
        "recursive_triggers = ON",  # so that REPLACE fires the triggers that follow a deletion
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(WRITES) else "BEGIN")


def _postgresql_engine(server: ServerUrl, seconds: float) -> AsyncEngine:
    from codetune_core.storage.connect import connect  # noqa: PLC0415 - the driver, which SQLite does without

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: connect(server, seconds),
        pool_pre_ping=True,
        hide_parameters=True,
    )
