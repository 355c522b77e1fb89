"""The history records what the settings allow, and forgets it in time, by itself."""

import asyncio
import datetime as dt
from decimal import Decimal

import pytest
from executions import NOW, begun, ended

from codetune_core.domain.execution import ErrorKind, Feedback, Keep, Task
from codetune_core.domain.identifiers import new_id
from codetune_core.history.budget import Budget
from codetune_core.history.history import History
from codetune_core.history.protocol import Filter
from codetune_core.history.retention import forget, maintain
from codetune_core.sections import BudgetSettings, HistorySettings
from codetune_core.storage.history_store import SqlHistoryStore

DAY = dt.timedelta(days=1)
RICH = {"per_day_usd": Decimal(100)}


@pytest.fixture
def store(database):
    return SqlHistoryStore(database)


def history(store, budget=None, **settings):
    return History(store, HistorySettings.model_validate(settings), Budget(BudgetSettings.model_validate(budget or {})))


async def maintained(store, at=NOW, **settings):
    return await maintain(store, HistorySettings.model_validate(settings), lambda: at)


@pytest.mark.parametrize("rule", [{"keep": "metadata"}, {"tasks": {"explain": "metadata"}}, {"content_days": 0}])
async def test_metadata_alone_is_written_where_that_is_the_rule(store, rule):
    kept, execution = history(store, **rule), begun()
    await kept.begin(execution)
    assert (await kept.get(execution.id)).input_data is None
    await kept.end(ended(execution))
    found = await kept.get(execution.id)
    assert (found.keep, found.output_data, found.tokens_used) == (Keep.METADATA, None, 36)
    assert await kept.rate(execution.id, Feedback(rating=2, text="quotes code"))
    assert (await kept.get(execution.id)).user_feedback_text is None


async def test_what_begins_is_found_by_who_knows_of_it_before_it_is_written_and_its_end_keeps_a_rating(store):
    kept, execution = history(store), begun()
    beginning = asyncio.create_task(kept.begin(execution))
    await asyncio.sleep(0)
    assert await kept.rate(execution.id, Feedback(rating=4))
    await beginning
    await kept.end(ended(execution))
    assert (await kept.get(execution.id)).user_feedback == 4


@pytest.mark.parametrize("budget", [{}, RICH], ids=["no budget", "budget"])
async def test_nothing_is_seen_of_what_is_not_kept(store, budget):
    kept, execution = history(store, budget, keep="nothing"), begun()
    await kept.begin(execution)
    await kept.end(ended(execution))
    assert await kept.get(execution.id) is None
    assert await kept.page(Filter()) == []
    assert await kept.count(Filter()) == 0
    assert [found async for found in kept.stream(Filter())] == []
    assert await kept.statistics("model") == []
    assert not await kept.rate(execution.id, Feedback(rating=1))
    midnight = NOW.replace(hour=0)
    assert await kept.spent(midnight, "ada") == (Decimal("0.004") if budget else 0)


async def test_a_rating_is_a_number_from_1_to_5(store):
    for rating in (0, 6, -1):
        with pytest.raises(ValueError, match="from 1 to 5"):
            await history(store).rate(new_id(), Feedback(rating=rating))


async def test_content_goes_after_its_days_and_metadata_after_its(store):
    ages = {0: "full", 29: "full", 30: "metadata", 89: "metadata", 90: "gone", 400: "gone"}
    made = {age: ended(executed_at=NOW - age * DAY) for age in ages}
    for execution in made.values():
        await store.end(execution)
    done = await maintained(store, content_days=30, metadata_days=90)
    assert (done.stripped, done.deleted, done.erased) == (4, 2, True)
    found = {age: await store.get(execution.id) for age, execution in made.items()}
    assert {age: each.keep.value if each else "gone" for age, each in found.items()} == ages
    assert await maintained(store, content_days=30, metadata_days=90) is None


async def test_by_default_metadata_stays(store):
    execution = ended(executed_at=NOW - 4000 * DAY)
    await store.end(execution)
    await maintained(store)
    assert (await store.get(execution.id)).tokens_used == 36


async def test_zero_days_strip_what_is_there(store):
    await store.end(ended())
    assert (await maintained(store, content_days=0)).stripped == 1


async def test_there_is_work_once_a_day(store):
    for hours in (0, 6, 12, 18, 23):
        await store.end(ended(executed_at=NOW.replace(hour=hours)))
    done = [
        await maintained(store, at=NOW.replace(hour=0) + dt.timedelta(hours=hour), content_days=1)
        for hour in range(6, 72, 6)
    ]
    assert [run.stripped for run in done if run] == [5]


async def test_what_never_ended_is_closed(store):
    execution = begun(executed_at=NOW - dt.timedelta(hours=2))
    await store.begin(execution)
    assert (await maintained(store)).abandoned == 1
    assert (await store.get(execution.id)).error_kind is ErrorKind.ENGINE_LOST


async def test_stubs_for_the_budget_are_gone_the_next_day(store):
    kept = history(store, RICH, keep="nothing")
    await kept.end(ended())
    assert await maintained(store) is None
    assert await maintained(store, at=NOW + DAY) is not None
    assert await store.spent(NOW - DAY, None) == 0


async def test_another_process_at_it_is_left_to_it(store):
    await store.end(ended(executed_at=NOW - 40 * DAY))
    await store.lease(dt.datetime.now(dt.UTC) + DAY)
    assert await maintained(store) is None
    await store.release()
    assert (await maintained(store)).stripped == 1


async def test_a_failed_run_gives_the_upkeep_back(store, monkeypatch):
    await store.end(ended(executed_at=NOW - 40 * DAY))
    with monkeypatch.context() as patch:
        patch.setattr(SqlHistoryStore, "strip", disk_is_full)
        with pytest.raises(OSError, match="full"):
            await maintained(store)
    assert (await maintained(store)).stripped == 1


async def disk_is_full(*_):
    raise OSError("disk full")


async def test_deleting_says_how_many_and_that_no_trace_is_left(store):
    for task in (Task.FIX, Task.FIX, Task.ASK):
        await store.end(ended(task=task))
    gone = await forget(store, Filter(task=Task.FIX), lambda: NOW + DAY)
    assert (gone.executions, gone.erased) == (2, True)
    assert [found.task for found in await store.page(Filter())] == [Task.ASK]
    assert (await forget(store, Filter(task=Task.FIX))).executions == 0
