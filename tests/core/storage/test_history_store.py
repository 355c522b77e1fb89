"""Executions are written, found again and rated, on both kinds of database."""

import asyncio
import datetime as dt
from dataclasses import replace

import pytest
from executions import NOW, begun, ended

from codetune_core.domain.execution import Feedback, Outcome
from codetune_core.domain.identifiers import new_id
from codetune_core.errors import InvalidInput
from codetune_core.history.protocol import Filter
from codetune_core.storage.history_store import SqlHistoryStore


@pytest.fixture
def store(database):
    return SqlHistoryStore(database)


async def test_a_running_execution_is_read_as_it_was_written(store):
    execution = begun()
    await store.begin(execution)
    assert await store.get(execution.id) == execution


async def test_its_end_takes_the_place_of_its_beginning(store):
    execution = begun()
    await store.begin(execution)
    await store.end(ended(execution))
    assert await store.page(Filter()) == [ended(execution)]


async def test_an_end_without_a_beginning_is_recorded(store):
    execution = ended()
    await store.end(execution)
    assert await store.get(execution.id) == execution


async def test_many_that_begin_and_end_at_once_are_each_recorded_as_they_ended(store):
    running = [begun(user_id=f"user {number}") for number in range(50)]
    await asyncio.gather(*map(store.begin, running))
    written = [ended(execution) for execution in running] + [ended() for _ in range(5)]
    await asyncio.gather(*map(store.end, written))
    assert {found.id: found for found in await store.page(Filter(), limit=100)} == {each.id: each for each in written}


async def test_of_many_that_begin_at_once_only_the_one_whose_id_is_taken_is_refused(store):
    known = begun()
    await store.begin(known)
    others = [begun() for _ in range(10)]
    outcomes = await asyncio.gather(*map(store.begin, [*others, known]), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None)] * 10 + [InvalidInput]
    assert await store.count(Filter()) == 11


async def test_what_was_said_of_it_while_it_ran_stays_when_many_end_at_once(store):
    running = [begun() for _ in range(10)]
    await asyncio.gather(*map(store.begin, running))
    await store.rate(running[3].id, Feedback(rating=2))
    await asyncio.gather(*(store.end(ended(execution)) for execution in running))
    assert [(await store.get(each.id)).user_feedback for each in running[2:5]] == [None, 2, None]


async def test_pages_follow_each_other_from_the_newest_on(store):
    written = [ended(executed_at=NOW + dt.timedelta(seconds=second // 2)) for second in range(7)]
    for execution in written:
        await store.end(execution)
    seen, last = [], None
    while found := await store.page(Filter(), last, limit=3):
        seen += found
        last = found[-1].id
    assert seen == written[::-1]


async def test_feedback_is_kept_beside_the_execution(store):
    execution = ended()
    await store.end(execution)
    assert await store.rate(execution.id, Feedback(rating=4, text="right", outcome=Outcome.EDITED))
    assert await store.rate(execution.id, Feedback(rating=5))
    rated = await store.get(execution.id)
    assert (rated.user_feedback, rated.user_feedback_text, rated.outcome) == (5, "right", Outcome.EDITED)


async def test_feedback_on_what_does_not_exist_is_refused(store):
    assert not await store.rate(new_id(), Feedback(rating=4))


LONG = "/" + "".join(chr(0x1F300 + number % 97) for number in range(1500))


@pytest.mark.parametrize("path", ["/" + "ä" * 999 + "x", LONG[:700], LONG, "/" + "\ud800" * 2000])
async def test_a_path_too_long_for_an_index_is_recorded_and_found(store, path):
    one, other = ended(workspace=path), ended(workspace=f"{path}/inner")
    await store.begin(replace(one, success=None))
    await store.end(one)
    await store.end(other)
    assert [found.id for found in await store.page(Filter(workspace=path))] == [one.id]
    assert [found.id for found in await store.page(Filter(workspace=f"{path}/inner"))] == [other.id]
    assert path[:300].replace("\ud800", "\ufffd") == (await store.get(one.id)).workspace[:300]


async def test_a_path_that_fits_is_recorded_as_it_is(store):
    execution = ended(workspace="/" + "ä" * 999)
    await store.end(execution)
    assert await store.get(execution.id) == execution
