"""A process killed in the middle of a write or of the upkeep: nothing is lost, nothing is half-written."""

import asyncio
import datetime as dt
import random
import sqlite3
import subprocess
import sys

import pytest
from executions import NOW, ended

from codetune_core.domain.execution import Keep
from codetune_core.history.protocol import Filter
from codetune_core.history.retention import maintain
from codetune_core.sections import HistorySettings
from codetune_core.storage import history_traces
from codetune_core.storage.database import Database
from codetune_core.storage.history_store import SqlHistoryStore
from codetune_core.storage.url import parse_url

DAY = dt.timedelta(days=1)
OLD = NOW - 90 * DAY
WRITER = """
import asyncio, sys
sys.path.insert(0, sys.argv[2])
from executions import begun, ended
from codetune_core.storage.database import Database
from codetune_core.storage.history_store import SqlHistoryStore
from codetune_core.storage.url import parse_url

async def main():
    async with Database(parse_url(sys.argv[1])) as database:
        store = SqlHistoryStore(database)
        async def write():
            while True:
                execution = begun(output_data=None)
                await store.begin(execution)
                await store.end(ended(execution, output_data=f"answer {execution.id}"))
                print(execution.id, flush=True)
        await asyncio.gather(*(write() for _ in range(5)))
asyncio.run(main())
"""
KEEPER = """
import asyncio, os, signal, sys
from codetune_core.history.retention import maintain
from codetune_core.sections import HistorySettings
from codetune_core.storage import history_erase, history_traces
from codetune_core.storage.database import Database
from codetune_core.storage.history_store import SqlHistoryStore
from codetune_core.storage.url import parse_url
from sqlalchemy import event

history_erase._BATCH = 20
left = int(sys.argv[2])

async def main():
    async with Database(parse_url(sys.argv[1])) as database:
        def count(*_):
            global left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        event.listen(database.engine.sync_engine, "before_cursor_execute", count)
        await maintain(SqlHistoryStore(database), HistorySettings())
        print("done")
asyncio.run(main())
"""


def support():
    import executions  # noqa: PLC0415 - to find its folder

    return executions.__file__.rpartition("/")[0]


def is_whole(url):
    path = parse_url(url).path
    if path:
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


async def rows(url):
    async with Database(parse_url(url)) as database:
        store = SqlHistoryStore(database)
        found = [execution async for execution in store.stream(Filter())]
        searchable = {execution.id async for execution in store.stream(Filter(text="answer"))}
    return found, searchable


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_what_a_killed_writer_reported_is_there_whole(database_url, seed):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, database_url, support()], stdout=subprocess.PIPE, text=True
    )
    wanted = random.Random(seed).randint(10, 60)
    reported = [process.stdout.readline().strip() for _ in range(wanted)]
    process.kill()
    reported += process.stdout.read().split()
    process.wait()
    process.stdout.close()
    is_whole(database_url)
    found, searchable = asyncio.run(rows(database_url))
    whole = {str(each.id) for each in found if each.success and each.output_data == f"answer {each.id}"}
    assert whole >= {identifier for identifier in reported if len(identifier) == 36}
    assert all(each.output_data is None for each in found if each.success is None)
    assert {str(identifier) for identifier in searchable} == whole


async def fill(url):
    async with Database(parse_url(url)) as database:
        store = SqlHistoryStore(database)
        for number in range(90):
            await store.end(ended(executed_at=OLD, output_data=f"answer Canary{number}xQz"))
        for _ in range(5):
            await store.end(ended(executed_at=dt.datetime.now(dt.UTC), output_data="answer of today"))


async def finish(url):
    """Let the next process do what is left."""
    async with Database(parse_url(url)) as database:
        await history_traces.release(database)  # as after the hour that a dead process holds it
        return await maintain(SqlHistoryStore(database), HistorySettings())


@pytest.mark.slow
@pytest.mark.parametrize("statement", [3, 9, 17, 28, 34])
def test_upkeep_that_was_killed_is_finished_by_the_next(database_url, statement):
    asyncio.run(fill(database_url))
    ran = subprocess.run(
        [sys.executable, "-c", KEEPER, database_url, str(statement)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == -9 or "done" in ran.stdout, ran.stderr
    is_whole(database_url)
    found, searchable = asyncio.run(rows(database_url))
    assert len(found) == 95
    for execution in found:
        content = (execution.input_data, execution.rendered_prompt, execution.output_data)
        assert (None not in content) if execution.keep is Keep.FULL else content == (None, None, None)
    assert searchable == {execution.id for execution in found if execution.keep is Keep.FULL}
    asyncio.run(finish(database_url))
    is_whole(database_url)
    found, searchable = asyncio.run(rows(database_url))
    assert sorted(execution.keep for execution in found) == [Keep.FULL] * 5 + [Keep.METADATA] * 90
    assert len(searchable) == 5
    path = parse_url(database_url).path
    if path:
        held = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.stem}*")).lower()
        assert b"canary" not in held
    assert asyncio.run(finish(database_url)) is None


async def test_50_writers_at_once_lose_nothing(database_url):
    async def write(store):
        execution = ended()
        await store.begin(ended(execution, success=None))
        await store.end(execution)
        return execution.id

    async with Database(parse_url(database_url)) as database, Database(parse_url(database_url)) as other:
        stores = [SqlHistoryStore(database), SqlHistoryStore(other)]
        written = await asyncio.gather(*(write(stores[number % 2]) for number in range(50)))
        found = await stores[0].page(Filter(), limit=100)
    assert sorted(execution.id for execution in found) == sorted(written)
    assert all(execution.success for execution in found)
