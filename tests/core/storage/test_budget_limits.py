"""A budget holds exactly, however many begin at once, in one process and in several, on real databases."""

import asyncio
import datetime as dt
import subprocess
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from decimal import Decimal

import pytest

from codetune_core.domain.execution import Execution, Task
from codetune_core.domain.identifiers import new_id
from codetune_core.errors import BudgetSpent
from codetune_core.history.budget import Budget
from codetune_core.history.history import History
from codetune_core.sections import BudgetSettings, HistorySettings
from codetune_core.storage.database import Database
from codetune_core.storage.history_store import SqlHistoryStore
from codetune_core.storage.url import parse_url

NOON = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
EARLY, LATE = NOON.replace(hour=0), NOON.replace(hour=23, minute=59, second=59, microsecond=999999)


def history(database, **budget):
    return History(SqlHistoryStore(database), HistorySettings(), Budget(BudgetSettings(**budget)))


def running(usd="0.1", user="ann", at=NOON):
    cost = None if usd is None else Decimal(usd)
    return Execution(id=new_id(), executed_at=at, task=Task.REVIEW, user_id=user, estimated_cost_usd=cost)


def ended(execution, usd, **fields):
    cost = None if usd is None else Decimal(usd)
    return replace(execution, success=True, estimated_cost_usd=cost, **fields)


async def begins(history, execution) -> bool:
    try:
        await history.begin(execution)
    except BudgetSpent:
        return False
    return True


async def passed(histories, executions) -> int:
    """How many of these may begin, all asked at once and in turns over several histories."""
    asked = (begins(histories[number % len(histories)], execution) for number, execution in enumerate(executions))
    return sum(await asyncio.gather(*asked))


@pytest.mark.parametrize(
    ("scope", "budget", "price", "expected"),
    [
        ("per_day_usd", "0.3", "0.1", 3),
        ("per_day_usd", "0.0007", "0.0001", 7),
        ("per_user_per_day_usd", "1", "0.1", 10),
    ],
)
async def test_of_100_at_once_exactly_as_many_begin_as_the_budget_pays(database_url, scope, budget, price, expected):
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(Database(parse_url(database_url))) for _ in range(2)]
        histories = [history(database, **{scope: budget}) for database in opened]
        assert await passed(histories, [running(price) for _ in range(100)]) == expected
        since = NOON.replace(hour=0)
        assert await SqlHistoryStore(opened[0]).spent(since, None) == Decimal(price) * expected


async def test_each_user_has_a_budget_and_all_have_one_together(database):
    both = history(database, per_user_per_day_usd="0.3", per_day_usd="0.8")
    users = [f"user{number % 4}" for number in range(100)]
    assert await passed([both], [running(user=user) for user in users]) == 8
    store = SqlHistoryStore(database)
    assert all([await store.spent(EARLY, user) <= Decimal("0.3") for user in set(users)])


async def test_what_ended_cheaper_than_it_might_have_leaves_room_for_others(database):
    kept = history(database, per_day_usd="0.2")
    first, second = running(), running()
    assert await begins(kept, first)
    assert await begins(kept, second)
    assert not await begins(kept, running())
    await kept.end(ended(first, "0.04"))
    assert not await begins(kept, running())
    await kept.end(ended(second, "0.06"))
    assert await begins(kept, running())
    assert not await begins(kept, running("0.000000001"))


@pytest.mark.parametrize("usd", ["0", "0.1"])
async def test_a_failed_execution_counts_what_it_cost(database, usd):
    kept = history(database, per_day_usd="0.1")
    execution = running()
    assert await begins(kept, execution)
    await kept.end(replace(ended(execution, usd), success=False))
    assert await begins(kept, running()) is (usd == "0")


@pytest.mark.parametrize("user", ["ann", ""])
async def test_a_new_utc_day_has_a_new_budget_and_the_old_day_keeps_its_own(database, user):
    kept = history(database, per_user_per_day_usd="0.1")
    assert await begins(kept, running(at=EARLY, user=user))
    assert not await begins(kept, running(at=LATE, user=user))
    tomorrow = LATE + dt.timedelta(microseconds=1)
    assert await begins(kept, running(at=tomorrow, user=user))
    assert not await begins(kept, running(at=tomorrow, user=user))


async def test_what_ran_over_midnight_counts_for_the_day_it_began(database):
    kept = history(database, per_day_usd="0.1")
    late = running(at=LATE)
    assert await begins(kept, late)
    assert await begins(kept, running(at=LATE + dt.timedelta(seconds=1)))
    await kept.end(ended(late, "0.1"))
    assert await SqlHistoryStore(database).spent(LATE + dt.timedelta(seconds=1), None) == Decimal("0.1")


async def test_an_answer_from_the_cache_is_given_when_the_budget_is_spent(database):
    kept = history(database, per_day_usd="0.1")
    assert await begins(kept, running())
    assert not await begins(kept, running())
    assert await begins(kept, running("0"))


async def test_what_has_no_price_is_not_counted(database):
    kept = history(database, per_day_usd="0.1")
    assert await passed([kept], [running(None) for _ in range(5)]) == 5
    assert await begins(kept, running())
    assert await SqlHistoryStore(database).spent(EARLY, None) == Decimal("0.1")


async def test_a_refused_execution_leaves_no_trace(database):
    kept = history(database, per_day_usd=0)
    execution = running()
    assert not await begins(kept, execution)
    assert await kept.get(execution.id) is None


async def test_the_refusal_says_whose_budget_it_is_and_when_it_starts_anew(database):
    with pytest.raises(BudgetSpent, match=r"budget of ann is 0\.05 USD a day.*2026-11-02 00:00 UTC"):
        await history(database, per_user_per_day_usd="0.05").begin(running())
    with pytest.raises(BudgetSpent, match="budget of all users together"):
        await history(database, per_day_usd="0.05").begin(running())


PROCESS = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_budget_limits import Database, history, parse_url, passed, running

async def main():
    async with Database(parse_url(sys.argv[2])) as database:
        kept = history(database, per_day_usd="2.5", per_user_per_day_usd="2.5")
        await kept.get(running().id)
        print("ready", flush=True)
        sys.stdin.readline()
        print(await passed([kept], [running() for _ in range(50)]))

asyncio.run(main())
"""


def test_two_processes_share_one_budget_exactly(database_url, request):
    command = [sys.executable, "-c", PROCESS, str(request.path.parent), database_url]
    children = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [child.stdout.readline() for child in children] == ["ready\n", "ready\n"]
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    counts = [int(child.communicate()[0]) for child in children]
    assert sum(counts) == 25
    assert [child.returncode for child in children] == [0, 0]
