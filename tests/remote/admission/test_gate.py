"""The gate: turns come in order, deadlines hold, and nobody who left is waited for."""

import asyncio

import pytest

from codetune_core.domain.execution import Priority
from codetune_core.errors import EngineTimeout
from codetune_core.service_sections import ServeSettings
from codetune_remote.admission.gate import Gate, GateFull


def gate(**settings):
    return Gate(ServeSettings(**{"concurrent": 1, **settings}))


async def begun(ticket):
    """Whether it has its turn, once everything that is due has happened."""
    waiting = asyncio.ensure_future(ticket.begun())
    for _ in range(5):
        await asyncio.sleep(0)
    has_turn = waiting.done()
    waiting.cancel()
    await asyncio.wait({waiting})
    return has_turn


async def test_turns_come_when_others_end():
    turns = gate()
    first, second = turns.enter("ada", Priority.EXPLICIT), turns.enter("bob", Priority.EXPLICIT)
    assert await begun(first)
    assert not await begun(second)
    assert (turns.running, turns.waiting, turns.waiting_at(Priority.EXPLICIT)) == (1, 1, 1)
    first.leave()
    assert await begun(second)
    second.leave()
    assert (turns.running, turns.waiting) == (0, 0)


async def test_to_leave_twice_gives_no_second_turn_away():
    turns = gate()
    first = turns.enter("ada", Priority.EXPLICIT)
    waiting = [turns.enter(user, Priority.EXPLICIT) for user in ("bob", "cyd")]
    first.leave()
    first.leave()
    assert [await begun(ticket) for ticket in waiting] == [True, False]


async def test_who_is_cancelled_while_it_waits_leaves_the_queue_at_once():
    turns = gate()
    turns.enter("ada", Priority.EXPLICIT)

    async def wait():
        async with turns.enter("bob", Priority.EXPLICIT):
            raise AssertionError("it never has its turn")

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    assert turns.waiting == 1
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert turns.waiting == 0


async def test_who_is_cancelled_as_its_turn_comes_gives_it_on():
    turns = gate()
    first = turns.enter("ada", Priority.EXPLICIT)

    async def wait():
        async with turns.enter("bob", Priority.EXPLICIT):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    last = turns.enter("cyd", Priority.EXPLICIT)
    first.leave()
    task.cancel()
    await asyncio.wait({task})
    assert await begun(last)


@pytest.mark.parametrize("late", [0.0, 0.01], ids=["at once", "while it waits"])
async def test_work_whose_deadline_has_passed_is_not_started(late):
    turns = gate()
    first = turns.enter("ada", Priority.EXPLICIT)
    with pytest.raises(EngineTimeout, match="not started"):
        async with turns.enter("bob", Priority.EXPLICIT, deadline_seconds=late):
            raise AssertionError("it is too late for it")
    assert turns.waiting == 0
    first.leave()
    assert turns.running == 0


async def test_a_deadline_that_passed_unnoticed_holds_even_where_the_turn_has_come():
    turns = gate()
    ticket = turns.enter("ada", Priority.EXPLICIT, deadline_seconds=0)
    with pytest.raises(EngineTimeout, match="not started"):
        await ticket.begun()
    ticket.leave()
    assert turns.running == 0


async def test_a_turn_in_time_is_not_bound_by_the_deadline():
    turns = gate()
    async with turns.enter("ada", Priority.EXPLICIT, deadline_seconds=0.01) as ticket:
        await asyncio.sleep(0.02)
        assert turns.running == 1
    assert ticket.queue_seconds < 0.02


async def test_who_finds_no_room_hears_when_there_may_be_some():
    turns = gate(concurrent=2, queue=4, queue_per_user=3)
    turns._turn_seconds.extend([9, 11])
    for user in ("ada", "ada", "ada", "ada", "ada", "bob"):
        turns.enter(user, Priority.EXPLICIT)
    with pytest.raises(GateFull, match="3 of your requests wait") as own:
        turns.enter("ada", Priority.EXPLICIT)
    with pytest.raises(GateFull, match="2 requests run and 4 wait") as others:
        turns.enter("cyd", Priority.EXPLICIT)
    assert own.value.retry_after == 15  # 3 turns of 10 s on 2 slots
    assert others.value.retry_after == 20


@pytest.mark.parametrize(("took", "waits"), [((0.001,), 1), ((100_000,), 300)], ids=["at least a second", "at most"])
async def test_the_advice_when_to_come_back_is_bounded(took, waits):
    turns = gate(queue=1)
    turns._turn_seconds.extend(took)
    turns.enter("ada", Priority.EXPLICIT)
    turns.enter("ada", Priority.EXPLICIT)
    with pytest.raises(GateFull) as refused:
        turns.enter("bob", Priority.EXPLICIT)
    assert refused.value.retry_after == waits


async def test_only_turns_that_were_had_count_for_the_estimate():
    turns = gate()
    turns.enter("ada", Priority.EXPLICIT)
    before = turns.expected_seconds(1)
    turns.enter("bob", Priority.EXPLICIT).leave()
    assert turns.expected_seconds(1) == before
