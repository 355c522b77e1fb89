"""Remembered answers in real databases."""

import asyncio
import datetime as dt
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import pytest
from running import opened, running
from sqlalchemy import event, func, select, text, update

from codetune_core.execution.explain import key_of
from codetune_core.execution.protocol import CachedAnswer, CacheKey
from codetune_core.history.protocol import Filter
from codetune_core.storage.cache_store import SqlCacheStore
from codetune_core.storage.tables.cache import CachedAnswerRow

NOW = dt.datetime(2026, 3, 4, 12, 0, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(days=30)
KEY = CacheKey("tiny", "r1", "a" * 64, "b" * 64, 0)
ANSWER = CachedAnswer("forty two ä \u2028 \\u0041", "stop", 30, 5)


def key(number: int, **changes) -> CacheKey:
    return replace(KEY, prompt_hash=f"{number:064x}", **changes)


def sized(number_of_bytes: int) -> CachedAnswer:
    return replace(ANSWER, output="x" * number_of_bytes)


def at(minutes: int) -> dt.datetime:
    return NOW + dt.timedelta(minutes=minutes)


@pytest.fixture
def store(database):
    return SqlCacheStore(database)


async def change(database, **values):
    async with database.write() as session:
        await session.execute(update(CachedAnswerRow).values(**values))


async def test_an_answer_is_found_as_it_was_put(store):
    await store.put(KEY, ANSWER, NOW, LATER)
    assert await store.get(KEY, NOW) == ANSWER


@pytest.mark.parametrize("field", ["model_name", "model_revision", "prompt_hash", "parameters_hash", "sample_index"])
async def test_every_part_of_the_key_counts(store, field):
    await store.put(KEY, ANSWER, NOW, LATER)
    other = 1 if field == "sample_index" else "c" * 64
    assert await store.get(replace(KEY, **{field: other}), NOW) is None


async def test_a_later_answer_replaces_the_earlier_one(store):
    await store.put(KEY, ANSWER, NOW, LATER)
    await store.put(KEY, sized(3), NOW, LATER)
    assert (await store.get(KEY, NOW)).output == "xxx"
    held = await store.statistics()
    assert (held.entries, held.bytes) == (1, 3)


@pytest.mark.parametrize(("when", "found"), [(LATER - dt.timedelta(seconds=1), True), (LATER, False)])
async def test_an_answer_is_used_until_it_expires(store, when, found):
    await store.put(KEY, ANSWER, NOW, LATER)
    assert (await store.get(KEY, when) is not None) is found


async def test_an_entry_that_is_not_valid_is_not_used_and_goes(store, database):
    await store.put(KEY, ANSWER, NOW, LATER)
    await change(database, is_valid=False)
    assert await store.get(KEY, NOW) is None
    assert not (await store.entry(KEY)).is_valid
    assert await store.evict(NOW, 10**9) == 1


@pytest.mark.parametrize("damaged", ['{"output": "no more"}', "[]", '"text"', "3"])
async def test_an_entry_that_is_no_answer_is_dropped(store, database, damaged):
    await store.put(KEY, ANSWER, NOW, LATER)
    async with database.write() as session:
        await session.execute(text(f"UPDATE model_cache SET cached_output = '{damaged}'"))
    assert await store.get(KEY, NOW) is None
    assert await store.entry(KEY) is None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("damaged", ["", "{", '{"output": "half', "\\x00"])
async def test_an_entry_that_is_not_even_json_is_dropped(store, database, damaged):
    await store.put(KEY, ANSWER, NOW, LATER)
    async with database.write() as session:
        await session.execute(text("UPDATE model_cache SET cached_output = :damaged"), {"damaged": damaged})
    assert await store.get(KEY, NOW) is None
    assert await store.entry(KEY) is None


async def test_the_answers_bytes_are_counted_exactly(store):
    for number, output in enumerate(["", "a", "ä", "\U0001f600", "x" * 1000]):
        await store.put(key(number), replace(ANSWER, output=output), NOW, LATER)
    held = await store.statistics()
    assert (held.entries, held.bytes, held.oldest) == (5, 0 + 1 + 2 + 4 + 1000, NOW)


async def test_the_least_recently_used_go_until_the_rest_fits(store):
    for number in range(10):
        await store.put(key(number), sized(100), at(number), LATER)
    await store.get(key(0), at(20))
    assert await store.evict(at(30), 350) == 7
    left = [number for number in range(10) if await store.entry(key(number))]
    assert left == [0, 8, 9]


async def test_what_expired_goes_first_even_where_it_was_just_used(store):
    await store.put(key(0), sized(100), NOW, at(5))
    await store.put(key(1), sized(100), NOW, LATER)
    await store.get(key(0), at(4))
    assert await store.evict(at(6), 100) == 1
    assert await store.entry(key(1))


async def test_nothing_goes_where_all_of_it_fits(store):
    await store.put(KEY, sized(100), NOW, LATER)
    assert await store.evict(NOW, 100) == 0
    assert await store.evict(NOW, 99) == 1


async def test_many_go_in_short_transactions(store, database):
    await store.put(KEY, sized(10), NOW, LATER)
    async with database.write() as session:
        columns = [
            column.name for column in CachedAnswerRow.__table__.columns if column.name not in {"id", "sample_index"}
        ]
        rows = (await session.execute(select(*(getattr(CachedAnswerRow, name) for name in columns)))).mappings().one()
        from codetune_core.domain.identifiers import new_id  # noqa: PLC0415

        copies = [{**rows, "id": new_id(), "sample_index": number} for number in range(1, 1500)]
        await session.execute(CachedAnswerRow.__table__.insert(), copies)
    deleted = []
    event.listen(
        database.engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _s, statement, parameters, *_: statement.startswith("DELETE") and deleted.append(len(parameters)),
    )
    assert await store.evict(NOW, 1000) == 1400
    assert (await store.statistics()).bytes == 1000
    assert await store.clear() == 100
    assert deleted == [500, 500, 400, 100]


async def test_where_nothing_is_too_much_no_writer_is_waited_for(store, database):
    await store.put(KEY, ANSWER, NOW, LATER)
    statements = []
    event.listen(
        database.engine.sync_engine, "before_cursor_execute", lambda _c, _s, statement, *_: statements.append(statement)
    )
    assert await store.evict(NOW, 10**9) == 0
    others = [statement for statement in statements if not statement.startswith("SELECT")]
    assert len(statements) - len(others) == 2
    assert set(others) <= {"BEGIN"}  # not BEGIN IMMEDIATE, which would wait for writers


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_useless_is_found_without_reading_the_answers(store, database):
    asked = []
    event.listen(
        database.engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _s, statement, parameters, *_: asked.append((f"EXPLAIN QUERY PLAN {statement}", parameters)),
    )
    await store.evict(NOW, 10**9)
    with closing(sqlite3.connect(database.url.path)) as connection:
        plans = [connection.execute(*each).fetchall() for each in asked if "FROM model_cache" in each[0]]
    steps = [step[-1] for plan in plans for step in plan if "model_cache" in step[-1]]
    assert len(steps) == 3
    assert [step for step in steps if "INDEX" not in step] == []


async def test_uses_are_counted_though_a_hit_writes_nothing(store, database):
    await store.put(KEY, ANSWER, NOW, LATER)
    for minute in (3, 1, 2):
        await store.get(KEY, at(minute))
    counted = select(CachedAnswerRow.access_count, CachedAnswerRow.last_accessed_at)
    async with database.read() as session:
        assert tuple((await session.execute(counted)).one()) == (0, NOW)
    await store.aclose()
    async with database.read() as session:
        assert tuple((await session.execute(counted)).one()) == (3, at(3))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_uses_are_written_before_too_many_are_held(store, database):
    for number in range(200):
        await store.put(key(number), sized(1), NOW, LATER)
        await store.get(key(number), at(1))
    async with database.read() as session:
        assert await session.scalar(select(func.sum(CachedAnswerRow.access_count))) == 200


async def test_the_uses_of_an_entry_that_went_meanwhile_are_forgotten(store):
    await store.put(KEY, ANSWER, NOW, LATER)
    await store.get(KEY, NOW)
    await store.clear()
    assert (await store.statistics()).hits == 0


@pytest.mark.parametrize(("model", "left"), [(None, 0), ("tiny", 1), ("unknown", 3)])
async def test_all_of_a_model_or_everything_is_cleared(store, model, left):
    for number, name in enumerate(["tiny", "tiny", "large"]):
        await store.put(key(number, model_name=name), ANSWER, NOW, LATER)
    assert await store.clear(model) == 3 - left
    assert (await store.statistics()).entries == left


async def test_fifty_writers_at_once_leave_one_whole_entry_a_key(database):
    stores = [SqlCacheStore(database) for _ in range(50)]
    answers = [replace(ANSWER, output=f"answer {number}" * 50) for number in range(50)]
    await asyncio.gather(
        *(
            store.put(key(number % 5), answer, at(number), LATER)
            for number, (store, answer) in enumerate(zip(stores, answers, strict=True))
        )
    )
    found = [await stores[0].get(key(number), at(60)) for number in range(5)]
    assert all(answer in answers[number::5] for number, answer in enumerate(found))
    held = await stores[0].statistics()
    assert (held.entries, held.bytes) == (5, sum(len(answer.output) for answer in found))


async def test_writers_readers_and_eviction_at_once_keep_the_limit_and_lose_no_answer_whole(database):
    stores = [SqlCacheStore(database) for _ in range(10)]

    async def work(number):
        store = stores[number % 10]
        await store.put(key(number), sized(100), at(number), LATER)
        assert await store.get(key(number), at(number)) in {sized(100), None}
        return await store.evict(at(number), 1000)

    gone = sum(await asyncio.gather(*(work(number) for number in range(40))))
    held = await stores[0].statistics()
    assert held.bytes == held.entries * 100 <= 1000
    assert held.entries + gone == 40


async def test_what_is_remembered_of_an_execution_goes_with_it(database):
    async with running(database) as core:
        await core.run()
        await core.run(code="y = 2", user_id="bo")
        first, second = await core.recorded()
        await core.history.delete(Filter(user_id="ada"))
        assert await core.answers.entry(key_of(first)) is None
        assert await core.answers.entry(key_of(second))


WRITER = """
import asyncio, datetime as dt, sys
from codetune_core.execution.protocol import CachedAnswer, CacheKey
from codetune_core.storage.cache_store import SqlCacheStore
from codetune_core.storage.database import Database
from codetune_core.storage.url import parse_url

async def main():
    async with Database(parse_url(sys.argv[1])) as database:
        now = dt.datetime(2026, 3, 4, 12, 0, tzinfo=dt.UTC)
        key = CacheKey("tiny", "r1", "a" * 64, "b" * 64, 0)
        answer = CachedAnswer("of a child", "stop", 1, 1)
        await SqlCacheStore(database).put(key, answer, now, now + dt.timedelta(days=1))

asyncio.run(main())
"""


async def test_what_one_process_remembers_another_one_finds(database_url):
    program = [sys.executable, "-c", WRITER, database_url]
    await asyncio.to_thread(subprocess.run, program, check=True, capture_output=True)
    async with opened(database_url) as database:
        assert (await SqlCacheStore(database).get(KEY, NOW)).output == "of a child"
