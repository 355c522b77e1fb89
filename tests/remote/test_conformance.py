"""What every Executor does, here, through the daemon and over TCP: the same events, the same record."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from itertools import groupby

import pytest
from conformance import WAYS, ground
from running import MODEL, SAYS, TOKENS, Gate, request, script, text, types, wording

from codetune_core.domain.execution import ErrorKind, Feedback, ModelIdentity, Outcome, Priority, Task, Usage
from codetune_core.domain.identifiers import new_id
from codetune_core.domain.prompt import Variable, VariableType
from codetune_core.engines.scripted import Fault, Reply, Rule, ScriptedEngine
from codetune_core.execution.events import EVENT

PRICE = {"model": "tiny", "prompt": "1000000", "completion": "2000000", "source": "a list of 2026-01-01"}
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(params=WAYS)
def reached(request, database, monkeypatch):
    """``async with reached(engine, **settings) as ground``."""
    return partial(ground, request.param, database, monkeypatch)


async def until(condition) -> None:
    """Wait for what is on its way."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


def shape(events) -> list[str]:
    """The types of events, pieces that follow one another as one."""
    return [kind for kind, _ in groupby(types(events))]


# Answers


async def test_events_come_in_their_order_and_the_answer_as_it_is_written(reached):
    async with reached(script(token_delay_ms=3)) as there:
        events = await there.run()
    assert shape(events) == ["started", "token", "usage", "finished"]
    assert types(events).count("token") > 1
    assert text(events) == events[-1].output == SAYS
    assert (events[0].prompt, events[0].version, events[0].model) == ("explain", 1, "tiny")
    assert events[-1].execution_time_ms > 0


async def test_an_execution_is_recorded_once_with_what_was_asked(reached):
    async with reached(script(usage=Usage(30, 5))) as there:
        events = await there.run(session_id="window 1", workspace="/home/ada/shop")
        [row] = await there.settled()
    assert row.id == events[0].execution_id
    assert (row.success, row.finish_reason, row.session_id) == (True, "stop", "window 1")
    known = "shop" if there.way == "tcp" else "/home/ada/shop"
    assert (row.workspace, row.input_data, row.output_data) == (known, {"code": "x = 1"}, SAYS)
    assert (row.prompt_tokens, row.completion_tokens) == (30, 5)
    assert not there.user or row.user_id == there.user


async def test_the_id_that_was_chosen_is_the_id_of_the_execution(reached):
    chosen = new_id()
    async with reached() as there:
        events = await there.run(request(id=chosen))
        [row] = await there.settled()
    assert events[0].execution_id == row.id == chosen


async def test_events_are_the_same_whoever_reads_them(reached):
    async with reached(script("ä 🐍\n\x00 \u2028 data: x\n\n: y", usage=Usage(1, 2))) as there:
        events = await there.run()
    assert [EVENT.validate_json(event.model_dump_json()) for event in events] == events
    assert text(events) == events[-1].output == "ä 🐍\n\ufffd \u2028 data: x\n\n: y"


async def test_any_text_is_asked_about(reached):
    texts = ["", "ä🐍\u2028\u0085", "\r\n\r\n", "a\x00b", "half \ud83d of one", "{{ code }}", "data: x\n\nid: 7\n"]
    async with reached() as there:
        for code in texts:
            events = await there.run(code=code)
            assert shape(events) == ["started", "token", "usage", "finished"]
            assert events[-1].output == SAYS


async def test_a_huge_answer_arrives_whole(reached):
    answer = tuple(f"{number} {'x' * 1000}\n" for number in range(1000))
    models = (ModelIdentity("tiny", "scripted", 4_000_000),)
    async with reached(script(answer, models=models), prompt={"max_tokens": 2000}) as there:
        events = await there.run()
    assert events[-1].output.split() == text(events).split() == "".join(answer).split()


async def test_a_large_file_is_asked_about(reached):
    models = (ModelIdentity("tiny", "scripted", 4_000_000),)
    async with reached(script(models=models)) as there:
        events = await there.run(code="x = 1\n" * 30_000)
    assert events[-1].output == SAYS


async def test_the_model_the_version_and_the_label_asked_for_answer(reached):
    models = (MODEL, ModelIdentity("large", "scripted", 9000))
    async with reached(script(models=models)) as there:
        await there.core.library.edit("explain", wording(system_prompt="Explain briefly."), by="ada")
        await there.core.library.deploy("explain", 2, label="staging", by="ada")
        assert (await there.run(model="large"))[0].model == "large"
        assert (await there.run(version=2))[0].version == 2
        assert (await there.run(label="staging"))[0].version == 2
        assert (await there.run())[0].version == 1


async def test_each_sample_has_its_answer(reached):
    engine = ScriptedEngine(script().model_copy(update={"default": Reply(answers=("one", "two"))}))
    async with reached(engine) as there:
        assert [(await there.run(sample_index=number))[-1].output for number in (0, 1, 0)] == ["one", "two", "one"]


async def test_a_session_stays_in_its_arm_of_an_experiment(reached):
    async with reached() as there:
        await there.core.library.edit("explain", wording(system_prompt="Explain briefly."), by="ada")
        await there.core.library.start_experiment("explain", {1: 1, 2: 1}, by="ada")
        seen = [(await there.run(session_id=f"window {number % 8}"))[0] for number in range(16)]
    assert [event.experiment_arm for event in seen[:8]] == [event.experiment_arm for event in seen[8:]]
    assert {event.version for event in seen} == {1, 2}


async def test_what_was_cut_is_said(reached):
    code = Variable(name="code", type=VariableType.CODE, cut=1)
    async with reached(prompt={"variables": (code,), "max_tokens": 100}) as there:
        events = await there.run(code="x = 1\n" * 5000)
    assert events[0].cut
    assert events[-1].type == "finished"


async def test_the_engine_is_told_who_goes_first(reached):
    async with reached() as there:
        for priority in Priority:
            await there.run(priority=priority, code=f"x = {priority}")
    assert [asked.priority for asked in there.engine.asked] == list(Priority)


# The cache, and those who ask the same


async def test_an_answer_is_remembered_and_said_to_be(reached):
    async with reached() as there:
        first, second = await there.run(), await there.run()
        rows = await there.settled(2)
    assert types(second)[:2] == ["started", "from_cache"]
    assert (first[-1].output, there.engine.started) == (second[-1].output, 1)
    assert [row.from_cache for row in rows] == [False, True]


async def test_who_wants_a_fresh_answer_gets_one(reached):
    async with reached() as there:
        await there.run()
        assert "from_cache" not in types(await there.run(fresh=True))
    assert there.engine.started == 2


async def test_many_who_ask_the_same_at_once_watch_one_generation(reached):
    gate = Gate(2)
    async with reached(ScriptedEngine(script(), gate)) as there:
        tasks = [asyncio.create_task(there.run()) for _ in range(8)]
        await gate.reached.wait()
        gate.open.set()
        answers = [await task for task in tasks]
        rows = await there.settled(8)
    assert {answer[-1].output for answer in answers} == {SAYS}
    assert {text(answer) for answer in answers} == {SAYS}
    assert there.engine.started == 1
    assert len({row.id for row in rows}) == 8


async def test_fifty_at_once_each_get_their_own_answer(reached):
    rules = [Rule(contains=f"n = {number};", answers=(f"it is {number}",)) for number in range(50)]
    async with reached(script("none", *rules)) as there:
        answers = await asyncio.gather(*(there.run(code=f"n = {number};") for number in range(50)))
        rows = await there.settled(50)
    assert [answer[-1].output for answer in answers] == [f"it is {number}" for number in range(50)]
    assert len({row.id for row in rows}) == 50


# Failures


async def test_a_failure_of_the_engine_is_told_last_and_recorded_once(reached):
    cases = [(kind, after) for kind in ErrorKind for after in (0, 2)]
    faults = [Fault(kind=kind, after_tokens=after, message="on purpose") for kind, after in cases]
    rules = [Rule(contains=f"n = {n};", answers=(SAYS,), fault=fault) for n, fault in enumerate(faults)]
    async with reached(script("none", *rules)) as there:
        seen = [await there.run(code=f"n = {number};") for number in range(len(cases))]
        rows = await there.settled(len(cases))
    for (kind, after), events, row in zip(cases, seen, rows, strict=True):
        assert shape(events) == (["started", "token", "failed"] if after else ["started", "failed"])
        assert text(events) == "".join(TOKENS[:after])
        assert events[-1].kind is row.error_kind is kind
        assert events[-1].message == row.error_message
        assert not events[-1].unavailable


async def test_what_cannot_be_asked_fails_as_invalid_input(reached):
    wrong = {
        "missing": {"variables": {}},
        "of another type": {"variables": {"code": 3}},
        "unknown": {"variables": {"code": "x", "other": "y"}},
        "not JSON": {"variables": {"code": object()}},
        "deep not JSON": {"variables": {"code": {"deep": [object()]}}},
        "no prompt": {"prompt": "explian"},
        "no deployment": {"label": "staging"},
        "no version": {"version": 7},
    }
    async with reached() as there:
        for name, changes in wrong.items():
            events = await there.run(**changes)
            assert types(events) == ["failed"], name
            assert events[-1].kind is ErrorKind.INVALID_INPUT, name
            assert events[-1].message
            assert not events[-1].unavailable
    assert there.engine.started == 0


async def test_a_prompt_that_does_not_fit_the_model_is_said(reached):
    async with reached() as there:
        events = await there.run(code="x" * 50_000)
    assert events[-1].kind is ErrorKind.CONTEXT_TOO_LONG
    assert there.engine.started == 0


async def test_a_model_that_nobody_has_is_refused(reached):
    async with reached() as there:
        assert (await there.run(model="huge"))[-1].kind is ErrorKind.REFUSED


async def test_an_engine_that_takes_too_long_is_stopped(reached):
    async with reached(script(delay_ms=3_600_000), engine={"timeout_seconds": 0.01}) as there:
        events = await there.run()
        await until(lambda: there.engine.cancelled == 1)
    assert events[-1].kind is ErrorKind.TIMEOUT
    assert "engine.timeout_seconds" in events[-1].message


async def test_a_budget_that_is_spent_is_said_before_anything_is_generated(reached):
    async with reached(budget={"prices": [PRICE], "per_day_usd": "1"}) as there:
        events = await there.run()
        [row] = await there.settled()
    assert events[-1].kind is row.error_kind is ErrorKind.BUDGET_SPENT
    assert there.engine.started == 0


async def test_the_model_that_costs_nothing_answers_once_the_budget_is_spent(reached):
    free = {"model": "free", "prompt": "0", "completion": "0", "source": "own machine"}
    budget = {"prices": [PRICE, free], "per_day_usd": "1", "when_spent": "fallback", "fallback_model": "free"}
    models = (MODEL, ModelIdentity("free", "scripted", 9000))
    async with reached(script(models=models), budget=budget) as there:
        events = await there.run()
    assert events[0].model == "free"
    assert "budget" in events[0].notices[0]
    assert events[-1].output == SAYS


async def test_an_answer_that_does_not_fill_its_schema_is_asked_for_again(reached):
    prompt = {"output_schema": "summary"}
    async with reached(prompt=prompt) as there:
        events = await there.run()
        [row] = await there.settled()
    at = types(events).index("repairing")
    assert shape(events) == ["started", "token", "repairing", "token", "failed"]
    assert events[at].problem
    assert events[-1].kind is row.error_kind is ErrorKind.INVALID_OUTPUT


# Cancelling


async def cancelled_at(there, stage: asyncio.Event, **changes) -> None:
    """Start an execution, wait for a stage, cancel it there."""
    task = asyncio.create_task(there.run(**changes))
    await stage.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_cancelled_execution_stops_its_engine_at_once_and_is_recorded_once(reached):
    """Before the first token, between any two, and after the last."""
    async with reached() as there:
        for at in range(6):
            there.engine.gate = gate = Gate(at)
            await cancelled_at(there, gate.reached, code=f"x = {at}")
            await until(lambda at=at: there.engine.cancelled == at + 1)
        rows = await there.settled(6)
    assert [(row.success, row.error_kind) for row in rows] == [(False, ErrorKind.CANCELLED)] * 6
    assert [row.output_data or "" for row in rows] == ["".join(TOKENS[:at]) for at in range(6)]
    assert (there.engine.started, there.engine.finished) == (6, 0)


async def test_the_engine_is_idle_within_50_ms_of_a_cancellation(reached):
    """The best of several, for the machine may be busy."""
    took, loop = [], asyncio.get_running_loop()
    async with reached(ScriptedEngine(script())) as there:
        await there.run(code="y")  # connected
        for number in range(5):
            there.engine.gate = gate = Gate(2)
            task = asyncio.create_task(there.run(code=f"x = {number}"))
            await gate.reached.wait()
            began = loop.time()
            task.cancel()
            await until(lambda number=number: there.engine.cancelled == number + 1)
            took.append(loop.time() - began)
            await asyncio.wait({task})
        await there.settled(6)
    assert min(took) < 0.05


async def test_who_closes_the_stream_early_has_cancelled(reached):
    async with reached() as there:
        for number, read in enumerate(["started", "token"]):
            there.engine.gate = gate = Gate(2)
            async with aclosing(there.executor.execute(request(code=f"x = {number}"))) as stream:
                while (await anext(stream)).type != read:
                    pass
                await gate.reached.wait()
            await until(lambda number=number: there.engine.cancelled == number + 1)
        rows = await there.settled(2)
    assert [row.error_kind for row in rows] == [ErrorKind.CANCELLED] * 2


async def test_who_stops_reading_after_the_last_event_has_not_cancelled(reached):
    async with reached() as there:
        async with aclosing(there.executor.execute(request())) as stream:
            async for event in stream:
                if event.type == "finished":
                    break
        [row] = await there.settled()
    assert row.success


async def test_one_of_two_who_watch_leaves_and_the_other_gets_the_answer(reached):
    gate = Gate(2)
    async with reached(ScriptedEngine(script(), gate)) as there:
        leaves = asyncio.create_task(there.run())
        await gate.reached.wait()
        stays = asyncio.create_task(there.run())
        await until(lambda: _watchers(there) == 2)
        leaves.cancel()
        await asyncio.wait({leaves})
        await until(lambda: _watchers(there) == 1)
        gate.open.set()
        events = await stays
        rows = await there.settled(2)
    assert events[-1].output == text(events) == SAYS
    assert (there.engine.started, there.engine.cancelled) == (1, 0)
    assert sorted((row.success, row.error_kind) for row in rows)[1] == (True, None)


def _watchers(there) -> int:
    return sum(watched.watchers for watched in there.core.executor._flights._all)


async def test_a_cancelled_answer_is_not_remembered(reached):
    gate = Gate(4)
    async with reached(ScriptedEngine(script(), gate)) as there:
        await cancelled_at(there, gate.reached)
        await there.settled()
        there.engine.gate = None
        assert "from_cache" not in types(await there.run())


async def test_closing_the_executor_ends_what_runs(reached):
    gate = Gate(1)
    async with reached(ScriptedEngine(script(), gate)) as there:
        task = asyncio.create_task(there.run())
        await gate.reached.wait()
        await there.executor.aclose()
        events = await task
        [row] = await there.settled()
        await there.executor.aclose()
    assert events[-1].kind is row.error_kind is ErrorKind.CANCELLED
    assert there.engine.cancelled == 1


async def test_many_cancelled_at_once_are_each_recorded_once(reached):
    async with reached() as there:
        tasks = [asyncio.create_task(there.run(code=f"x = {number}")) for number in range(30)]
        for turns, task in enumerate(tasks):
            for _ in range(turns % 7):
                await asyncio.sleep(0)
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: there.engine.started == there.engine.cancelled + there.engine.finished)
        rows = await there.settled(0)
    assert len({row.id for row in rows}) == len(rows) <= 30


async def test_the_same_request_object_is_asked_any_number_of_times(reached):
    asked = replace(request(), task=Task.REVIEW)
    async with reached() as there:
        first, second = await there.run(asked), await there.run(asked)
    assert first[0].execution_id != second[0].execution_id


# What becomes of an answer


async def test_what_became_of_an_answer_is_noted_where_it_was_run(reached):
    async with reached() as there:
        [first, *_] = await there.run()
        assert await there.executor.rate(first.execution_id, Feedback(4, "did it", Outcome.ACCEPTED))
        assert await there.executor.rate(first.execution_id, Feedback(outcome=Outcome.REVERTED))
        [row] = await there.settled()
        assert not await there.executor.rate(new_id(), Feedback(1))
    assert (row.user_feedback, row.user_feedback_text, row.outcome) == (4, "did it", Outcome.REVERTED)
