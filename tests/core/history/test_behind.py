"""Executions that cost nothing are written a moment later, together, and found at once by who asks the history."""

import datetime as dt

import pytest

from codetune_core.domain.execution import Execution, Keep, Task
from codetune_core.domain.identifiers import new_id
from codetune_core.history.behind import Behind
from codetune_core.history.budget import Budget
from codetune_core.history.history import History
from codetune_core.history.protocol import Filter
from codetune_core.sections import BudgetSettings, HistorySettings
from codetune_core.storage.history_store import SqlHistoryStore


def ended(**changes) -> Execution:
    return Execution(id=new_id(), executed_at=dt.datetime.now(dt.UTC), task=Task.ASK, success=True, **changes)


def history_of(database, **settings) -> History:
    budget = Budget(BudgetSettings())
    return History(SqlHistoryStore(database), HistorySettings(**settings), budget)


async def test_who_reads_through_the_history_finds_them_at_once(database):
    history = history_of(database)
    executions = [ended(output_data=f"answer {number}") for number in range(20)]
    for execution in executions:
        history.end_soon(lambda execution=execution: execution)
    assert await history.count(Filter()) == 20
    assert (await history.get(executions[7].id)).output_data == "answer 7"


class Store:
    """Notes how many executions each transaction has."""

    def __init__(self, act=lambda: None):
        self.batches = []
        self.act = act

    async def add(self, executions):
        self.batches.append(len(executions))
        self.act()


async def test_many_are_one_transaction():
    store = Store()
    behind = Behind(store)
    for _ in range(1200):
        behind.add(ended)
    await behind.flush()
    assert sum(store.batches) == 1200
    assert len(store.batches) <= 3


async def test_what_comes_while_others_are_written_is_written_too():
    store = Store(lambda: len(store.batches) == 1 and behind.add(ended))
    behind = Behind(store)
    behind.add(ended)
    await behind.flush()
    assert store.batches == [1, 1]


async def test_one_that_cannot_be_written_takes_no_other_with_it(database):
    history, there = history_of(database), ended()
    history.end_soon(lambda: there)
    await history.flush()
    others = [ended(), ended()]
    for execution in (others[0], Execution(there.id, dt.datetime.now(dt.UTC), Task.FIX, success=True), others[1]):
        history.end_soon(lambda execution=execution: execution)
    assert [(await history.get(one.id)).task for one in (there, *others)] == [Task.ASK] * 3


async def test_one_that_cannot_be_put_together_takes_no_other_with_it(database):
    history, there = history_of(database), ended()

    def broken():
        raise RuntimeError

    history.end_soon(broken)
    history.end_soon(lambda: there)
    assert await history.count(Filter()) == 1


@pytest.mark.parametrize("keep", [Keep.METADATA, Keep.NOTHING])
async def test_no_more_is_kept_than_may_be(database, keep):
    history, execution = history_of(database, keep=keep), ended(output_data="secret")
    history.end_soon(lambda: execution)
    found = await history.get(execution.id)
    assert (found is None) is (keep is Keep.NOTHING)
    assert found is None or found.output_data is None


async def test_an_id_that_is_chosen_again_overwrites_nothing(database):
    store, first = SqlHistoryStore(database), ended(output_data="mine")
    await store.end(first)
    again = Execution(first.id, dt.datetime.now(dt.UTC), Task.FIX, output_data="yours", success=True)
    with pytest.raises(Exception, match=r"UNIQUE|unique"):
        await store.end(again)
    assert (await store.get(first.id)).output_data == "mine"
