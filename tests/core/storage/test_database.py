"""A database opens, and its tables are there."""

import asyncio
import datetime as dt

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from codetune_core.domain.identifiers import new_id
from codetune_core.errors import StorageError
from codetune_core.storage import database as storage_database
from codetune_core.storage.database import Database
from codetune_core.storage.tables.cache import CachedAnswerRow
from codetune_core.storage.url import parse_url

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


async def test_a_fresh_database_answers(database):
    async with database.read() as session:
        assert (await session.execute(text("SELECT count(*) FROM prompt_library"))).scalar_one() == 0


async def test_a_write_that_fails_leaves_nothing(database):
    row = CachedAnswerRow(
        id=new_id(), model_name="m", model_revision="", prompt_hash="p", parameters_hash="q", sample_index=0,
        cached_output={}, tokens_used=1, size_bytes=2, created_at=NOW, last_accessed_at=NOW, expires_at=NOW,
    )  # fmt: skip

    async def fail():
        async with database.write() as session:
            session.add(row)
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.read() as session:
        assert (await session.execute(text("SELECT count(*) FROM model_cache"))).scalar_one() == 0


async def fails(database, statement):
    with pytest.raises(StorageError) as caught:
        async with database.write() as session:
            await session.execute(text(statement))
    assert str(caught.value).startswith(database.url.shown)
    assert "codetune db check" in str(caught.value)
    assert "SELECT" not in str(caught.value)
    return str(caught.value)


async def test_a_database_that_stays_locked_is_said_in_words(sqlite_url, monkeypatch):
    monkeypatch.setattr(storage_database, "BUSY_SECONDS", 0)
    async with Database(parse_url(sqlite_url)) as database, Database(parse_url(sqlite_url)) as other:
        async with other.write() as session:
            await session.execute(text("SELECT 1"))
            assert "database is locked" in await fails(database, "SELECT 1")
        async with database.write() as session:
            assert await session.scalar(text("SELECT 1")) == 1


async def test_a_damaged_file_is_said_in_words(tmp_path):
    (tmp_path / "broken.db").write_bytes(b"no database" * 500)
    async with Database(parse_url(f"sqlite:///{tmp_path}/broken.db")) as database:
        assert "not a database" in await fails(database, "SELECT 1")


@pytest.mark.parametrize("state", ["40P01", "53100", "57P01", "25006"])
async def test_what_a_server_cannot_do_is_said_in_words(postgresql_url, state):
    async with Database(parse_url(postgresql_url)) as database:
        await fails(database, f"DO $$ BEGIN RAISE EXCEPTION 'so it is' USING ERRCODE = '{state}'; END $$")


async def test_a_lost_connection_is_said_in_words_and_the_next_one_works(postgresql_url):
    async with Database(parse_url(postgresql_url)) as database:
        await fails(database, "SELECT pg_terminate_backend(pg_backend_pid())")
        async with database.read() as session:
            assert await session.scalar(text("SELECT 1")) == 1


async def test_a_refused_statement_stays_what_it_is(database):
    with pytest.raises(IntegrityError):
        async with database.write() as session:
            await session.execute(text("INSERT INTO maintenance (task) VALUES ('retention')"))


async def test_what_a_cancelled_reader_leaves_open_is_closed_before_the_end(sqlite_url, caplog):
    database = Database(parse_url(sqlite_url))
    pool = database.engine.pool

    async def reads():
        async with database.read() as session:
            await session.execute(text("SELECT 1"))

    reader = asyncio.create_task(reads())
    while not database._closing._tasks:
        await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert pool.checkedout() == 1
    await database.aclose()
    assert (pool.checkedout(), caplog.records) == (0, [])
