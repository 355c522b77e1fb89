"""A Database: one pool of connections, with reading and writing transactions that mean the same on both kinds."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any, Self

from sqlalchemy import URL, Connection, event
from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from codetune_core.errors import StorageError
from codetune_core.execution.background import Background
from codetune_core.storage.memo import DirectReader
from codetune_core.storage.postgresql_url import ServerUrl
from codetune_core.storage.url import DatabaseUrl

BUSY_SECONDS = 30
_CONNECT_SECONDS = 15
WRITES = "codetune_writes"
"""The execution option of a connection whose transactions write."""
_FAULTS = frozenset(("08", "25", "40", "53", "57", "58", "XX"))
"""Classes of SQLSTATE that say something of the server and nothing of the statement."""


class Database:
    """Connections to one database; close it when done.

    On SQLite a writing transaction takes the write lock when it begins, so that it never fails half-way because
    another one wrote; within this process writers queue. A connection to PostgreSQL is tried for ``connect_seconds``.
    A transaction that fails because of the database itself raises StorageError: locked, full, damaged, out of reach.
    """

    def __init__(self, url: DatabaseUrl, connect_seconds: float = _CONNECT_SECONDS) -> None:
        self.url = url
        self.direct = DirectReader(url)
        self.engine = _postgresql_engine(url.server, connect_seconds) if url.server else _sqlite_engine(url)
        self._queue = asyncio.Lock() if self.has_one_writer else nullcontext()
        self._closing = Background()

    @property
    def has_one_writer(self) -> bool:
        """Whether writing transactions wait for each other, so that one with much in it is better than many."""
        return self.url.dialect == "sqlite"

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """One transaction that only reads."""
        with _explained(self.url):
            async with self.connection() as connection, _transaction(connection) as session:
                yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """One transaction; it is committed at the end, and undone by an error."""
        with _explained(self.url):
            async with self._queue, self.connection() as connection:
                await connection.execution_options(**{WRITES: True})
                async with _transaction(connection) as session:
                    yield session

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection, for what is not a query; where it is cancelled while it is given back, ``aclose`` waits."""
        connection = await self.engine.connect()
        try:
            yield connection
        finally:
            await asyncio.shield(self._closing.begin(connection.close()))

    async def aclose(self) -> None:
        """Close all connections."""
        self.direct.close()
        await self._closing.finished()
        await self.engine.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@asynccontextmanager
async def _transaction(connection: AsyncConnection) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(connection, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def _explained(url: DatabaseUrl) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if not _is_fault(error):
            raise
        advice = "try again, and see whether it is whole: codetune db check"
        raise StorageError(f"{url.shown}: {url.hide(str(error.orig))}: {advice}") from None


def _is_fault(error: DBAPIError) -> bool:
    if error.connection_invalidated or type(error) in {OperationalError, InterfaceError, DatabaseError}:
        return True
    return str(getattr(error.orig, "sqlstate", None))[:2] in _FAULTS


def _sqlite_engine(url: DatabaseUrl) -> AsyncEngine:
    logging.getLogger("aiosqlite").setLevel(logging.INFO)  # at DEBUG it writes every value into the log
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
