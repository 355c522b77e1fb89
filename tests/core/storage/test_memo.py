"""What was read is remembered until somebody writes, in this process or another."""

import sqlite3
from pathlib import Path

import pytest

from codetune_core.storage.memo import DirectReader, Memo
from codetune_core.storage.url import parse_url


@pytest.fixture
def url(tmp_path):
    path = tmp_path / "some.db"
    write(path, "PRAGMA journal_mode = WAL; CREATE TABLE t (n)")
    return parse_url(f"sqlite:///{path}")


def write(path: Path, script: str = "INSERT INTO t VALUES (1)") -> None:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()


class Reads:
    """Counts what is read of a memo."""

    def __init__(self, memo: Memo) -> None:
        self._memo = memo
        self.keys: list[str] = []

    async def get(self, key: str) -> int:
        async def read() -> int:
            self.keys.append(key)
            return len(self.keys)

        return await self._memo.get(key, read)


@pytest.fixture
def writes(url):
    opened = DirectReader(url)
    yield opened
    opened.close()


async def test_what_was_read_is_read_once(writes):
    reads = Reads(Memo(lambda _: writes.row("PRAGMA data_version"), 4))
    assert [await reads.get("a"), await reads.get("b"), await reads.get("a")] == [1, 2, 1]


async def test_after_a_write_it_is_read_again(writes, url):
    reads = Reads(Memo(lambda _: writes.row("PRAGMA data_version"), 4))
    await reads.get("a")
    write(url.path)
    assert await reads.get("a") == 2


async def test_what_was_read_beside_a_write_is_not_remembered(writes, url):
    memo: Memo[str, str] = Memo(lambda _: writes.row("PRAGMA data_version"), 4)

    async def overtaken() -> str:
        write(url.path)
        return "old"

    async def read() -> str:
        return "new"

    assert await memo.get("a", overtaken) == "old"
    assert await memo.get("a", read) == "new"


async def test_the_least_recently_used_goes_first(writes):
    reads = Reads(Memo(lambda _: writes.row("PRAGMA data_version"), 2))
    for key in ("a", "b", "a", "c", "a", "b"):
        await reads.get(key)
    assert reads.keys == ["a", "b", "c", "b"]


async def test_a_database_locked_as_a_whole_is_asked_itself(writes, url):
    reads = Reads(Memo(lambda _: writes.row("PRAGMA data_version"), 4))
    await reads.get("a")
    writes.close()
    holder = sqlite3.connect(url.path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    assert [await reads.get("a"), await reads.get("a")] == [2, 3]
    holder.close()


async def test_a_server_is_asked_each_time():
    server = DirectReader(parse_url("postgresql://someone@localhost/codetune"))
    reads = Reads(Memo(lambda _: server.row("PRAGMA data_version"), 4))
    assert [await reads.get("a"), await reads.get("a")] == [1, 2]


async def test_a_version_of_its_own_is_all_that_a_key_hangs_on(writes, url):
    write(url.path, "INSERT INTO t VALUES (7)")
    reads = Reads(Memo(lambda key: writes.row("SELECT max(n) FROM t WHERE n < CAST(? AS INTEGER)", key), 4))
    assert await reads.get("9") == 1
    write(url.path, "INSERT INTO t VALUES (50)")
    assert await reads.get("9") == 1
    write(url.path, "INSERT INTO t VALUES (8)")
    assert await reads.get("9") == 2
