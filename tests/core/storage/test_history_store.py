"""Executions are written, found again and rated, on both kinds of database."""

import datetime as dt
from dataclasses import replace

import pytest
from executions import NOW, begun, ended

from codetune_core.domain.execution import Feedback, Outcome
from codetune_core.domain.identifiers import new_id
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
