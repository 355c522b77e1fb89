"""What is deleted or stripped is gone from the database's files; what a budget counts is not."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from executions import NOW, begun, ended
from sqlalchemy import text

from codetune_core.domain.execution import ErrorKind, Feedback, Keep
from codetune_core.history.protocol import Filter
from codetune_core.storage import history_traces
from codetune_core.storage.database import Database
from codetune_core.storage.history_store import SqlHistoryStore
from codetune_core.storage.url import parse_url

DAY = dt.timedelta(days=1)
TODAY = NOW.replace(hour=0)
KINDS = ["input", "prompt", "answer", "error", "feedback"]


def canaries(number):
    return {kind: f"Canary{kind}{number}xQz" for kind in KINDS}


async def write(store, count, at=NOW, **changes):
    """Executions that say a canary in every field that may hold content."""
    made = []
    for number in range(count):
        said = canaries(number)
        filler = f"def function_{number}(): pass " * (1 + number * 7 % 90)
        execution = begun(
            executed_at=at,
            input_data={"code": f"{said['input']} {filler}"},
            rendered_prompt=f"{said['prompt']} {filler}",
        )
        execution = ended(execution, output_data=f"{said['answer']} {filler}", error_message=said["error"], **changes)
        await store.begin(begun(id=execution.id, executed_at=at, input_data=execution.input_data))
        await store.end(execution)
        await store.rate(execution.id, Feedback(text=said["feedback"]))
        made.append(execution)
    return made


class Files:
    """The bytes of a database: of SQLite all files beside it, of PostgreSQL those of its tables and indexes."""

    def __init__(self, database, server=None):
        self.database, self.server = database, server

    async def bytes(self):
        if path := self.database.url.path:
            return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.stem}*"))
        async with self.database.read() as session:
            names = (
                await session.scalars(
                    text(
                        "SELECT pg_relation_filepath(oid) FROM pg_class WHERE relkind IN ('r', 'i', 't')"
                        " AND oid >= 16384 AND pg_relation_filepath(oid) IS NOT NULL"
                    )
                )
            ).all()
        async with self.database.connection() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("CHECKPOINT"))
        return b"".join((Path(self.server.socket) / "data" / name).read_bytes() for name in names)

    async def found(self):
        """Canaries in the files, also as the search index writes them."""
        held = (await self.bytes()).lower()
        return {kind for kind in KINDS if f"canary{kind}".encode() in held}


@pytest.fixture
def store(database):
    return SqlHistoryStore(database)


@pytest.fixture
def files(database, request):
    server = None if database.url.path else request.getfixturevalue("postgresql")
    return Files(database, server)


async def test_content_is_in_the_files_until_it_is_deleted(store, files):
    await write(store, 3)
    assert await files.found() == set(KINDS)


async def test_what_is_deleted_leaves_no_trace(store, files):
    made = await write(store, 60)
    kept = ended(output_data="kept answer")
    await store.end(kept)
    assert await store.delete(Filter(until=NOW + DAY, text="pass"), TODAY + DAY) == 60
    assert await store.erase_traces(wholly=True)
    assert await files.found() == set()
    assert await store.get(made[0].id) is None
    assert [found.id for found in await store.page(Filter(text="kept"))] == [kept.id]


async def test_what_is_stripped_leaves_no_trace_of_its_content(store, files):
    made = await write(store, 60)
    assert await store.strip(NOW + DAY) == 60
    assert await store.erase_traces(wholly=True)
    assert await files.found() == set()
    stripped = await store.get(made[7].id)
    assert (stripped.keep, stripped.input_data, stripped.output_data) == (Keep.METADATA, None, None)
    assert stripped.tokens_used == made[7].tokens_used
    assert await store.page(Filter(text="pass")) == []


async def test_the_nightly_erasure_leaves_nothing_that_a_query_or_the_index_shows(store, files):
    await write(store, 60)
    await store.strip(NOW + DAY)
    assert await store.erase_traces(wholly=False)
    if files.database.url.path:
        assert await files.found() == set()
    else:
        async with files.database.read() as session:
            path = await session.scalar(text("SELECT pg_relation_filepath('execution_search_words')"))
        index = (Path(files.server.socket) / "data" / path).read_bytes()
        assert b"canary" not in index


async def test_a_reader_that_still_sees_it_puts_the_erasure_off(store, database, database_url, monkeypatch):
    monkeypatch.setattr(history_traces, "_TRIES", 1)
    await write(store, 3)
    async with Database(parse_url(database_url)) as other, other.read() as session:
        await session.execute(text("SELECT count(*) FROM execution_history"))
        await store.strip(NOW + DAY)
        await patient(database)
        assert not await store.erase_traces(wholly=False)
    assert await store.erase_traces(wholly=False)
    assert await store.erase_traces(wholly=False)


async def test_nothing_removed_is_nothing_to_erase(store):
    await write(store, 1)
    assert await store.erase_traces(wholly=True)
    assert not await store.due(NOW - DAY, None, TODAY, NOW - DAY)


async def test_what_today_s_budget_counts_stays_unseen_till_tomorrow(store):
    old, today = await write(store, 1, at=NOW - DAY), await write(store, 2)
    running = begun(estimated_cost_usd=Decimal("0.5"))
    await store.begin(running)
    before = await store.spent(TODAY, None)
    assert await store.delete(Filter(), TODAY) == 4
    assert await store.spent(TODAY, None) == before == Decimal("0.508")
    assert await store.spent(TODAY, "ada") == before
    assert await store.page(Filter()) == []
    assert [await store.get(execution.id) for execution in (*old, *today, running)] == [None] * 4
    assert not await store.rate(today[0].id, Feedback(rating=1))
    assert await store.expire_stubs(TODAY) == 0
    assert await store.expire_stubs(TODAY + DAY) == 2


async def test_what_was_deleted_while_it_ran_is_not_written_at_its_end(store, files):
    running = begun(input_data={"code": "Canaryinput"}, rendered_prompt="Canaryprompt")
    await store.begin(running)
    await store.delete(Filter(), TODAY)
    await store.end(ended(running, output_data="Canaryanswer"))
    await store.erase_traces(wholly=True)
    assert await files.found() == set()
    assert await store.get(running.id) is None
    assert await store.spent(TODAY, None) == Decimal("0.004")


async def test_what_never_ended_is_recorded_as_lost(store):
    lost, running, done = begun(executed_at=NOW - DAY), begun(), ended(executed_at=NOW - DAY)
    for execution in (lost, running):
        await store.begin(execution)
    await store.end(done)
    assert await store.abandon(NOW - dt.timedelta(hours=1)) == 1
    found = await store.get(lost.id)
    assert (found.success, found.error_kind, found.estimated_cost_usd) == (
        False, ErrorKind.ENGINE_LOST, lost.estimated_cost_usd,
    )  # fmt: skip
    assert (await store.get(running.id)).success is None
    await store.end(ended(lost))
    assert (await store.get(lost.id)).success


@pytest.mark.parametrize("doing", ["strip", "delete", "expire", "abandon"])
async def test_one_query_tells_whether_anything_is_due(store, doing):
    at = NOW - 3 * DAY
    times = {"content": NOW - 10 * DAY, "metadata": None, "stubs": NOW - 10 * DAY, "lost": NOW - 10 * DAY}
    execution = ended(executed_at=at)
    match doing:
        case "strip":
            times["content"] = NOW
        case "delete":
            times["metadata"] = NOW
        case "expire":
            execution, times["stubs"] = ended(executed_at=at, keep=Keep.NOTHING), NOW
        case "abandon":
            execution, times["lost"] = begun(executed_at=at), NOW
    assert not await store.due(**times)
    await store.end(execution)
    assert await store.due(**times)


async def test_one_process_at_a_time_has_the_upkeep(store):
    soon = dt.datetime.now(dt.UTC) + DAY
    assert await store.lease(soon)
    assert not await store.lease(soon)
    await store.release()
    assert await store.lease(soon - 2 * DAY)
    assert await store.lease(soon)


async def patient(database):
    """Let SQLite wait for nobody."""
    if database.url.path:
        async with database.connection() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            await (await driver.execute("PRAGMA busy_timeout = 1")).close()
