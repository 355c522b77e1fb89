"""Equal requests at once: one generation, and everybody has the whole answer."""

import asyncio

import pytest
from running import SAYS, SQLITE, TOKENS, Gate, request, running, script, text, types

from codetune_core.domain.execution import ErrorKind, Usage
from codetune_core.engines.scripted import Fault, ScriptedEngine

PRICE = {"model": "tiny", "prompt": "1000000", "completion": "2000000", "source": "a list of 2026-01-01"}


async def watching(core, count: int, **changes) -> list[asyncio.Task]:
    """Executions that all wait for the engine, each having had its first event; the first one asked it."""
    started = asyncio.Semaphore(0)

    async def watch():
        events = []
        async for event in core.executor.execute(request(**changes)):
            if not events:
                started.release()
            events.append(event)
        return events

    tasks = []
    for _ in range(count):
        tasks.append(asyncio.create_task(watch()))
        await started.acquire()
    return tasks


async def test_a_hundred_equal_requests_at_once_are_one_generation(database):
    async with running(database) as core:
        streams = await asyncio.gather(*(core.run() for _ in range(100)))
        rows = await core.recorded()
    assert (core.engine.started, core.engine.finished) == (1, 1)
    assert {text(events) for events in streams} == {SAYS}
    assert {events[-1].output for events in streams} == {SAYS}
    assert sum("from_cache" in types(events) for events in streams) == 99
    assert len(rows) == 100
    assert all(row.success for row in rows)
    assert sum(row.from_cache for row in rows) == 99


async def test_only_the_one_that_generates_uses_tokens_and_costs(database):
    async with running(database, budget={"prices": [PRICE]}) as core:
        await asyncio.gather(*(core.run() for _ in range(5)))
        rows = await core.recorded()
    assert [row.tokens_used > 0 for row in rows] == [not row.from_cache for row in rows]
    assert [row.estimated_cost_usd > 0 for row in rows] == [not row.from_cache for row in rows]
    assert {row.completion_tokens for row in rows} == {5}


@SQLITE
async def test_who_comes_late_has_the_answer_from_its_first_token(database):
    gate = Gate(3)
    async with running(database, ScriptedEngine(script(), gate)) as core:
        first = asyncio.create_task(core.run())
        await gate.reached.wait()
        late = core.executor.execute(request())
        assert [(await anext(late)).type for _ in range(2)] == ["started", "from_cache"]
        assert (await anext(late)).text == "".join(TOKENS[:3])
        gate.open.set()
        assert text([event async for event in late]) == "".join(TOKENS[3:])
        assert text(await first) == SAYS


@SQLITE
async def test_who_reads_slowly_does_not_hold_the_others(database):
    async with running(database) as core:
        slow = core.executor.execute(request())
        await anext(slow)
        assert text(await core.run()) == SAYS
        assert text([event async for event in slow]) == SAYS
    assert core.engine.started == 1


@SQLITE
@pytest.mark.parametrize("leaver", [0, 1])
async def test_who_leaves_does_not_stop_the_others(database, leaver):
    gate = Gate(2)
    engine = ScriptedEngine(script(), gate)
    async with running(database, engine) as core:
        tasks = await watching(core, 3)
        tasks[leaver].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks.pop(leaver)
        assert engine.cancelled == 0
        gate.open.set()
        assert {text(await task) for task in tasks} == {SAYS}
        await core.executor.aclose()
        rows = await core.recorded()
    assert sorted(row.error_kind or "" for row in rows) == ["", "", "cancelled"]


async def test_who_started_the_generation_and_left_pays_for_all_of_it(database):
    gate = Gate(2)
    async with running(database, ScriptedEngine(script(), gate), budget={"prices": [PRICE]}) as core:
        tasks = await watching(core, 2)
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        gate.open.set()
        await tasks[1]
        await core.executor.aclose()
        left, stayed = sorted(await core.recorded(), key=lambda row: row.success)
    assert (left.error_kind, left.completion_tokens) == (ErrorKind.CANCELLED, 5)
    assert left.estimated_cost_usd == left.prompt_tokens + 10
    assert (stayed.from_cache, stayed.estimated_cost_usd) == (True, 0)


@SQLITE
async def test_the_last_one_who_leaves_stops_the_engine(database):
    gate = Gate(2)
    engine = ScriptedEngine(script(), gate)
    async with running(database, engine) as core:
        tasks = await watching(core, 3)
        for task in tasks:
            assert engine.cancelled == 0
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert engine.cancelled == 1
        await core.executor.aclose()
        rows = await core.recorded()
    assert [row.error_kind for row in rows] == [ErrorKind.CANCELLED] * 3


@SQLITE
async def test_who_comes_while_a_generation_is_being_stopped_starts_another(database):
    gate = Gate(2)
    engine = ScriptedEngine(script(), gate)
    async with running(database, engine) as core:
        [task] = await watching(core, 1)
        task.cancel()
        gate.open.set()
        engine.gate = None
        assert text(await core.run()) == SAYS
        with pytest.raises(asyncio.CancelledError):
            await task


@SQLITE
@pytest.mark.parametrize("kind", list(ErrorKind))
async def test_a_failure_is_that_of_all_who_watch_and_recorded_once_for_each(database, kind):
    gate = Gate(1)
    engine = ScriptedEngine(script(fault=Fault(kind=kind, after_tokens=2)), gate)
    async with running(database, engine) as core:
        tasks = await watching(core, 10)
        gate.open.set()
        streams = [await task for task in tasks]
        rows = await core.recorded()
        assert engine.started == 1
        assert {events[-1].kind for events in streams} == {kind}
        assert [row.error_kind for row in rows] == [kind] * 10
        await core.run()
        assert engine.started == 2


async def test_one_users_spent_budget_does_not_stop_another_who_asks_the_same(database):
    budget = {"prices": [PRICE], "per_user_per_day_usd": "400"}
    usage = Usage(100, 50)  # 200 dollars, of at most about 260
    async with running(database, script(usage=usage), prompt={"max_tokens": 100}, budget=budget) as core:
        await core.run(user_id="bo", code="y = 2")
        beginning, go_on, begin = asyncio.Event(), asyncio.Event(), core.history.begin

        async def slow(execution):
            beginning.set()
            await go_on.wait()
            await begin(execution)

        core.history.begin = slow
        spent = asyncio.create_task(core.run(user_id="bo"))
        await beginning.wait()
        others = [asyncio.create_task(core.run(user_id=user)) for user in ("cy", "di")]
        while sum(watched.watchers for watched in core.executor._flights._all) < 3:
            await asyncio.sleep(0)
        go_on.set()
        assert (await spent)[-1].kind is ErrorKind.BUDGET_SPENT
        assert [text(await other) for other in others] == [SAYS] * 2
    assert core.engine.started == 2


@SQLITE
@pytest.mark.parametrize(
    ("prompt", "changes"),
    [
        ({"temperature": 0.7}, {}),
        ({}, {"fresh": True}),
    ],
    ids=["drawn at a temperature", "wanted fresh"],
)
async def test_what_may_differ_each_time_is_generated_for_each(database, prompt, changes):
    async with running(database, prompt=prompt) as core:
        await asyncio.gather(*(core.run(**changes) for _ in range(5)))
    assert core.engine.started == 5


@pytest.mark.parametrize("field", ["tenant", "sample_index"])
async def test_tenants_and_samples_share_nothing(database, field):
    values = {"tenant": ["", "a", "b"], "sample_index": [0, 1, 2]}[field]
    async with running(database) as core:
        await asyncio.gather(*(core.run(**{field: value}) for value in values * 2))
    assert core.engine.started == 3
