"""Opening the configured database: made, upgraded, refused with what to do, or stood in for, loudly."""

import asyncio
import os
import sqlite3
import time
from contextlib import closing

import pytest
import rows
from sqlalchemy import text

from codetune_core.errors import DatabaseUnreachable, SchemaMismatch, StorageError
from codetune_core.sections import StorageSettings
from codetune_core.storage.backup import automatic_backups, back_up_before_upgrade
from codetune_core.storage.connect import connect
from codetune_core.storage.database import Database
from codetune_core.storage.migrate import downgrade
from codetune_core.storage.open import open_database
from codetune_core.storage.revision import schema_state
from codetune_core.storage.url import default_url, fallback_url, parse_url


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.delenv("CODETUNE_DATABASE_URL", raising=False)
    for name in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


async def opened(url="", **settings):
    """Open and close; return the relation of the schema and the notices' keys."""
    database, notices = await open_database(StorageSettings(database_url=url, **settings))
    async with database:
        return (await schema_state(database)).relation, [notice.key for notice in notices]


def unreachable(tmp_path):
    return f"postgresql://u:c4nary@/d?host={tmp_path}"


async def test_nothing_configured_makes_a_private_file_in_the_data_folder():
    assert await opened() == ("current", [])
    file = default_url().path
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_an_older_sqlite_file_is_upgraded_by_itself_after_a_backup(sqlite_url):
    async with Database(parse_url(sqlite_url)) as database:
        await downgrade(database, "0004")
    assert await opened(sqlite_url) == ("current", [])
    assert len(automatic_backups(parse_url(sqlite_url).path)) == 2


async def test_an_older_postgresql_database_is_left_alone(postgresql_url):
    async with Database(parse_url(postgresql_url)) as database:
        await downgrade(database, "0004", confirmed=True)
    with pytest.raises(SchemaMismatch, match=r"schema 0004; .*codetune db upgrade --yes"):
        await opened(postgresql_url)


async def test_a_newer_database_is_refused(database, database_url):
    async with database.write() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = 'future'"))
    with pytest.raises(SchemaMismatch, match="update CodeTune"):
        await opened(database_url)


async def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "x.db").write_bytes(b"no database" * 100)
    with pytest.raises(StorageError, match="not a database"):
        await opened(f"sqlite:///{tmp_path / 'x.db'}")


async def test_a_server_out_of_reach_is_an_error_that_says_what_to_do(tmp_path):
    with pytest.raises(DatabaseUnreachable, match="start the server, or correct") as raised:
        await opened(unreachable(tmp_path), connect_seconds=0.2)
    assert "c4nary" not in str(raised.value)
    assert not fallback_url().path.exists()


async def test_a_fallback_that_is_allowed_is_said_each_time_and_has_its_own_file(tmp_path):
    for _ in range(2):
        found = await opened(unreachable(tmp_path), connect_seconds=0.2, fall_back_to_sqlite=True)
        assert found == ("current", ["storage:fallback"])
    assert fallback_url().path.exists()
    assert not default_url().path.exists()


async def test_rows_in_the_fallback_file_are_said_once_the_server_answers_again(tmp_path, postgresql_url):
    settings = StorageSettings(database_url=unreachable(tmp_path), connect_seconds=0.2, fall_back_to_sqlite=True)
    database, _ = await open_database(settings)
    async with database:
        await rows.add(database, rows.execution())
    assert await opened(postgresql_url) == ("current", ["storage:fallback-rows"])


async def test_old_copies_go(sqlite_url):
    path = parse_url(sqlite_url).path
    old, new = (back_up_before_upgrade(path, revision) for revision in ("0001", "0002"))
    long_ago = time.time() - 31 * 86_400
    os.utime(old, (long_ago, long_ago))
    assert await opened(sqlite_url) == ("current", ["storage:backups"])
    assert automatic_backups(path) == [new]


def test_only_the_last_five_copies_are_kept(sqlite_url):
    path = parse_url(sqlite_url).path
    copies = [back_up_before_upgrade(path, f"{number:04}") for number in range(7)]
    assert automatic_backups(path) == copies[2:]
    with closing(sqlite3.connect(copies[-1])) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert copies[-1].stat().st_mode & 0o777 == 0o600


def error_response(code):
    """A server's ErrorResponse, byte by byte as the protocol has it."""
    fields = b"SFATAL\0" + b"C" + code.encode() + b"\0Mnot now\0\0"
    return b"E" + (len(fields) + 4).to_bytes(4, "big") + fields


async def attempts(tmp_path, code, seconds):
    """Count the attempts at a server that always answers with an error."""
    count = 0

    async def answer(reader, writer):
        nonlocal count
        count += 1
        await reader.read(8)
        writer.write(error_response(code))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(answer, tmp_path / ".s.PGSQL.5432")
    async with server:
        with pytest.raises(StorageError) as raised:
            await connect(parse_url(f"postgresql://u:c4nary@/d?host={tmp_path}").server, seconds)
    return count, raised.value


@pytest.mark.parametrize("code", ["57P03", "53300", "08006", "57P01"])
async def test_what_may_pass_is_tried_again(tmp_path, code):
    count, error = await attempts(tmp_path, code, 1.5)
    assert count > 1
    assert isinstance(error, DatabaseUnreachable)


@pytest.mark.parametrize(
    ("code", "says"),
    [("28P01", "correct the user or the password"), ("28000", "correct the user"), ("3D000", "createdb")],
)
async def test_what_will_not_pass_is_said_at_once(tmp_path, code, says):
    count, error = await attempts(tmp_path, code, 30)
    assert count == 1
    assert says in str(error)
    assert not isinstance(error, DatabaseUnreachable)
