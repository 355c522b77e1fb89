"""Cancelling an execution at each of its stages: the engine stops, and one record says so."""

import asyncio
import threading

import pytest
from running import SQLITE, TOKENS, Gate, request, running, script, types

from codetune_core.domain.execution import ErrorKind
from codetune_core.engines.scripted import ScriptedEngine


async def cancelled_at(core, stage: asyncio.Event, **changes) -> asyncio.Task:
    """Start an execution, wait for a stage, cancel it there."""
    task = asyncio.create_task(core.run(**changes))
    await stage.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return task


def held(history, act: str) -> tuple[asyncio.Event, asyncio.Event]:
    """Let an act of the history wait: the events say that it was begun, and let it go on."""
    begun, go_on, original = asyncio.Event(), asyncio.Event(), getattr(history, act)

    async def slow(execution):
        begun.set()
        await go_on.wait()
        await original(execution)

    setattr(history, act, slow)
    return begun, go_on


async def cancelled_at_its_beginning(core) -> None:
    """Cancel an execution while its beginning is being recorded."""
    beginning, go_on = held(core.history, "begin")
    task = asyncio.create_task(core.run())
    await beginning.wait()
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task


async def recorded_once_as_cancelled(core):
    [row] = await core.recorded()
    assert (row.success, row.error_kind) == (False, ErrorKind.CANCELLED)
    return row


class SlowToDescribe(ScriptedEngine):
    """Says when it is asked for its model, and never answers."""

    def __init__(self):
        super().__init__(script())
        self.asked_for_model = asyncio.Event()

    async def model(self, name, role=None):
        self.asked_for_model.set()
        await asyncio.Event().wait()


@SQLITE
async def test_what_never_started_is_not_recorded(database):
    async with running(database) as core:
        await core.executor.execute(request()).aclose()
        assert await core.recorded() == []


@SQLITE
async def test_cancelled_before_the_model_is_known(database):
    engine = SlowToDescribe()
    async with running(database, engine) as core:
        await cancelled_at(core, engine.asked_for_model)
        await recorded_once_as_cancelled(core)
    assert engine.started == 0


@SQLITE
async def test_cancelled_while_a_long_file_is_rendered(database):
    loop, rendering, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    class SlowToCount(ScriptedEngine):
        def count_tokens(self, model, text):
            loop.call_soon_threadsafe(rendering.set)
            go_on.wait()
            return super().count_tokens(model, text)

    async with running(database, SlowToCount(script())) as core:
        try:
            await cancelled_at(core, rendering, variables={"code": "x = 1\n" * 2000})
            await recorded_once_as_cancelled(core)
        finally:
            go_on.set()
    assert core.engine.started == 0


async def test_cancelled_while_it_is_looked_for_in_the_cache(database):
    async with running(database) as core:
        looking = asyncio.Event()

        async def never(_key, _now):
            looking.set()
            await asyncio.Event().wait()

        core.cache.get = never
        await cancelled_at(core, looking)
        await recorded_once_as_cancelled(core)
    assert core.engine.started == 0


async def test_cancelled_while_its_budget_is_looked_at(database):
    async with running(database, budget={"per_day_usd": "1"}) as core:
        await cancelled_at_its_beginning(core)
        await recorded_once_as_cancelled(core)
    assert core.engine.started == 0


async def test_cancelled_while_its_beginning_is_recorded_beside_the_generation(database):
    async with running(database) as core:
        await cancelled_at_its_beginning(core)
        await recorded_once_as_cancelled(core)
    assert (core.engine.started, core.engine.finished) == (core.engine.cancelled, 0)


@pytest.mark.parametrize("at", range(len(TOKENS) + 1))
@SQLITE
async def test_cancelling_the_task_stops_the_engine_wherever_it_is(database, at):
    gate = Gate(at)
    engine = ScriptedEngine(script(), gate)
    async with running(database, engine) as core:
        await cancelled_at(core, gate.reached)
        assert (engine.started, engine.cancelled, engine.finished) == (1, 1, 0)
        row = await recorded_once_as_cancelled(core)
        assert row.output_data == ("".join(TOKENS[:at]) or None)
        assert row.prompt_tokens > 0


@pytest.mark.parametrize("taken", [1, 2, 3])
async def test_closing_the_stream_stops_the_engine(database, taken):
    gate = Gate(taken)
    engine = ScriptedEngine(script(), gate)
    async with running(database, engine) as core:
        stream = core.executor.execute(request())
        for _ in range(taken):
            await anext(stream)
        await stream.aclose()
        assert (engine.started, engine.cancelled) == (1, 1)
        await recorded_once_as_cancelled(core)


@SQLITE
async def test_what_was_stopped_never_costs_more_than_was_reserved(database):
    gate = Gate(4)
    price = {"model": "tiny", "prompt": "0", "completion": "1000000", "source": "a list"}
    engine = ScriptedEngine(script("many " * 9), gate)
    async with running(database, engine, prompt={"max_tokens": 5}, budget={"prices": [price]}) as core:
        await cancelled_at(core, gate.reached)
        row = await recorded_once_as_cancelled(core)
    assert row.completion_tokens == row.estimated_cost_usd == 5


@SQLITE
async def test_a_cancelled_answer_is_not_remembered(database):
    gate = Gate(4)
    async with running(database, ScriptedEngine(script(), gate)) as core:
        await cancelled_at(core, gate.reached)
        core.engine.gate = None
        assert "from_cache" not in types(await core.run())


@SQLITE
@pytest.mark.parametrize("times", [1, 2, 3])
async def test_cancelled_while_it_is_recorded_it_is_recorded_all_the_same(database, times):
    async with running(database) as core:
        recording, go_on = held(core.history, "end")
        task = asyncio.create_task(core.run())
        await recording.wait()
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        await core.executor.aclose()
        [row] = await core.recorded()
    assert (row.success, row.finish_reason) == (True, "stop")


@SQLITE
async def test_cancelled_again_while_its_cancelling_is_recorded_it_is_recorded_once(database):
    gate = Gate(2)
    async with running(database, ScriptedEngine(script(), gate)) as core:
        recording, go_on = held(core.history, "end")
        task = asyncio.create_task(core.run())
        await gate.reached.wait()
        task.cancel()
        await recording.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        await core.executor.aclose()
        await recorded_once_as_cancelled(core)


@SQLITE
async def test_who_stops_reading_after_the_last_event_has_not_cancelled(database):
    async with running(database) as core:
        stream = core.executor.execute(request())
        async for event in stream:
            if event.type == "finished":
                break
        await stream.aclose()
        [row] = await core.recorded()
    assert row.success


@SQLITE
async def test_closing_the_executor_ends_what_runs_and_records_it(database):
    gate = Gate(1)
    engine = ScriptedEngine(script(), gate)
    async with running(database, engine) as core:
        task = asyncio.create_task(core.run())
        await gate.reached.wait()
        await core.executor.aclose()
        events = await task
        await core.executor.aclose()
        assert events[-1].kind is ErrorKind.CANCELLED
        assert engine.cancelled == 1
        await recorded_once_as_cancelled(core)


async def test_many_cancelled_at_once_are_each_recorded_once(database):
    async with running(database) as core:
        tasks = [asyncio.create_task(core.run(code=f"x = {number}")) for number in range(30)]
        for turns, task in enumerate(tasks):
            for _ in range(turns % 7):
                await asyncio.sleep(0)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await core.executor.aclose()
        rows = await core.recorded()
    assert len({row.id for row in rows}) == len(rows) <= 30
    assert all(row.success is not None for row in rows)
    assert core.engine.started == core.engine.cancelled + core.engine.finished
