"""No list, search or figure reads the whole history: the plans of the queries say so, on both kinds of database."""

import asyncio
import datetime as dt

import pytest
from history_rows import BEGAN, SPAN, fill, prompt_id
from query_plans import plans

from codetune_core.history.protocol import Filter
from codetune_core.storage.database import Database
from codetune_core.storage.history_store import SqlHistoryStore
from codetune_core.storage.url import parse_url

pytestmark = pytest.mark.slow
ROWS = 20_000
MIDDLE = BEGAN + SPAN / 2
LISTS = {
    "newest": Filter(),
    "prompt": Filter(prompt_id=prompt_id(3)),
    "user": Filter(user_id="user00"),
    "task": Filter(task="fix"),
    "workspace": Filter(workspace="/home/dev/project3"),
    "model": Filter(model="qwen-coder-7b"),
    "failed": Filter(success=False),
    "since": Filter(since=BEGAN + SPAN / 4),
    "until": Filter(until=MIDDLE),
}
SEARCHES = {
    "rare": Filter(text="ticket77"),
    "frequent": Filter(text="return"),
    "two": Filter(text="return value"),
    "none": Filter(text="nowherefound"),
    "in a prompt": Filter(text="return", prompt_id=prompt_id(3)),
}
WHOLE = ("SCAN execution_history\n", "Seq Scan on execution_history", "Seq Scan on execution_search")
SORTED = ("TEMP B-TREE", "Sort")


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request, tmp_path_factory):
    if request.param == "sqlite":
        found = f"sqlite:///{tmp_path_factory.mktemp('history')}/history.db"
    else:
        found = request.getfixturevalue("postgresql").create()
    asyncio.run(fill(parse_url(found), ROWS))
    return found


@pytest.fixture
async def database(url):
    async with Database(parse_url(url)) as opened:
        yield opened


async def check(database, ask):
    found = await plans(database, ask)
    assert found
    for statement, plan in found:
        assert not [part for part in WHOLE if part in f"{plan}\n"], f"{statement}\n{plan}"
    return found


@pytest.mark.parametrize("where", LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("deep", [False, True], ids=["first", "deep"])
async def test_a_list_is_read_from_an_index_in_its_order(database, where, deep):
    store = SqlHistoryStore(database)
    last = (await store.page(Filter(until=MIDDLE), limit=1))[0].id if deep else None
    assert await store.page(where, last)
    for statement, plan in await check(database, lambda: store.page(where, last)):
        assert not [part for part in SORTED if part in plan], f"{statement}\n{plan}"


@pytest.mark.parametrize("where", SEARCHES.values(), ids=SEARCHES)
async def test_a_search_is_answered_by_the_index_of_words(database, where):
    store = SqlHistoryStore(database)
    found = await check(database, lambda: store.page(where))
    assert any("VIRTUAL TABLE INDEX" in plan or "execution_search" in plan for _, plan in found)
    if where.text == "return":
        statement, plan = found[-1]
        assert not [part for part in SORTED if part in plan], f"{statement}\n{plan}"


@pytest.mark.parametrize("by", ["prompt", "version", "model", "day", "user"])
async def test_figures_come_from_the_daily_sums(database, by):
    store = SqlHistoryStore(database)
    for _, plan in await check(database, lambda: store.statistics(by)):
        assert "execution_history" not in plan


async def test_the_daily_sums_are_those_of_the_executions(database):
    store = SqlHistoryStore(database)
    by_model = {group.key: group for group in await store.statistics("model")}
    for model, group in by_model.items():
        assert group.executions == await store.count(Filter(model=model))
        assert group.executions - group.succeeded == await store.count(Filter(model=model, success=False))
    assert sum(group.executions for group in by_model.values()) == ROWS


async def test_whether_anything_is_due_and_what_was_spent_are_cheap_to_ask(database):
    store = SqlHistoryStore(database)
    long_ago = BEGAN - dt.timedelta(days=1)
    await check(database, lambda: store.due(long_ago, long_ago, long_ago, long_ago))
    await check(database, lambda: store.spent(BEGAN + SPAN, "user00"))


async def test_what_was_filled_in_bulk_is_found_as_what_is_recorded_is(database):
    found = await SqlHistoryStore(database).page(Filter(text="ticket4711"))
    assert [execution.output_data.split()[-1] for execution in found] == ["ticket4711"]
