"""Replaying recorded inputs through two versions."""

import asyncio
from decimal import Decimal

import pytest

from codetune_core.errors import BudgetSpent, EngineTimeout, InvalidOutput
from codetune_core.prompts.experiments.paired import mcnemar
from codetune_core.prompts.experiments.paired_verdict import HEADER, table, words
from codetune_core.prompts.experiments.replay import (
    Answer,
    Case,
    Contender,
    Judge,
    equals_accepted,
    fills_schema,
    replay,
)

GOOD = Judge(lambda case, output: output == "good", "Judged by the test.")


def cases(number: int) -> list[Case]:
    return [Case(f"c{i}", {"n": i}) for i in range(number)]


def contender(name: str, good, milliseconds=100.0, cost=None, record=None) -> Contender:
    """A version whose answer is good on the numbers that ``good`` holds for."""

    async def run(case: Case) -> Answer:
        await asyncio.sleep(0)
        return Answer("good" if good(case.variables["n"]) else "bad", milliseconds, cost)

    return Contender(name, run, record)


async def check(number: int, a, b, judge=GOOD, **options):
    """The result of a replay on so many inputs."""
    return await replay(cases(number), (a, b), judge, **options)


async def test_pairs_are_counted_by_who_succeeded():
    result = await check(60, contender("v1", lambda n: n % 2 == 0), contender("v2", lambda n: n % 3 == 0))

    assert (result.judged, result.both, result.only_a, result.only_b, result.unjudged) == (60, 10, 20, 10, 0)
    assert result.p == mcnemar(20, 10)
    assert result.success.mean == pytest.approx(-10 / 60)
    assert result.success.low < -10 / 60 < result.success.high


async def test_pairs_keep_the_order_of_the_cases_and_both_answers():
    result = await check(20, contender("v1", lambda n: n < 5), contender("v2", lambda n: n >= 5), concurrency=7)

    assert [pair.case.name for pair in result.pairs] == [f"c{i}" for i in range(20)]
    assert [pair.a.output for pair in result.pairs[4:6]] == ["good", "bad"]
    assert [(pair.a_success, pair.b_success) for pair in result.pairs[4:6]] == [(True, False), (False, True)]


async def test_two_contenders_of_one_name_are_told_apart():
    result = await check(10, contender("same", lambda n: True), contender("same", lambda n: False))

    assert (result.only_a, result.only_b) == (10, 0)


async def test_times_and_costs_are_compared_where_both_were_measured():
    fast = contender("v1", lambda n: True, milliseconds=80.0, cost=Decimal("0.001"))
    slow = contender("v2", lambda n: True, milliseconds=200.0)

    result = await check(10, fast, slow)

    assert result.milliseconds.mean == pytest.approx(120)
    assert result.cost_usd is None


async def test_an_execution_error_is_a_failure_of_that_version_on_that_case():
    async def fail(case):
        if case.variables["n"] < 8:
            raise EngineTimeout("no answer in 60 s")
        return Answer("good", 1.0)

    result = await check(10, contender("v1", lambda n: True), Contender("v2", fail))

    assert (result.only_a, result.both) == (8, 2)
    assert result.pairs[0].b == Answer(None, error="no answer in 60 s")


@pytest.mark.parametrize("error", [BudgetSpent("the day's budget is used up"), ZeroDivisionError("a bug")])
async def test_a_spent_budget_or_any_other_error_ends_the_replay(error):
    async def fail(case):
        raise error

    with pytest.raises(type(error), match=str(error)):
        await check(5, contender("v1", lambda n: True), Contender("v2", fail))


async def test_cancelling_stops_what_runs():
    running, stopped = asyncio.Event(), []

    async def hang(case):
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(case.name)

    task = asyncio.create_task(check(9, Contender("v1", hang), Contender("v2", hang), concurrency=3))
    await running.wait()
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(stopped) == 3


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_no_more_cases_run_at_once_than_allowed(concurrency):
    running, most = 0, 0

    async def run(case):
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(3):
            await asyncio.sleep(0)
        running -= 1
        return Answer("good", 1.0)

    await check(20, Contender("v1", run), Contender("v2", run), concurrency=concurrency)

    assert most == concurrency


async def test_progress_counts_finished_cases():
    seen = []

    await check(6, contender("v1", lambda n: True), contender("v2", lambda n: True), progress=seen.append)

    assert seen == [1, 2, 3, 4, 5, 6]


async def test_neither_version_always_goes_first():
    order = []

    def logged(name):
        async def run(case):
            order.append((case.name, name))
            return Answer("good", 1.0)

        return Contender(name, run)

    await check(40, logged("v1"), logged("v2"), concurrency=1)

    firsts = [name for _, name in order[::2]]
    assert 8 < firsts.count("v1") < 32
    assert all(order[i][0] == order[i + 1][0] for i in range(0, 80, 2))


async def test_the_same_answers_give_the_same_figures():
    def again():
        return check(50, contender("v1", lambda n: n % 2), contender("v2", lambda n: n % 3), concurrency=3)

    assert await again() == await again()


async def test_each_judged_answer_is_recorded_with_its_time():
    recorded = []

    async def record(success, milliseconds):
        recorded.append((success, milliseconds))

    await check(4, contender("v1", lambda n: n < 1, record=record), contender("v2", lambda n: True))

    assert sorted(recorded) == [(False, 100.0)] * 3 + [(True, 100.0)]


async def test_a_failure_is_recorded_too():
    recorded = []

    async def record(success, milliseconds):
        recorded.append((success, milliseconds))

    async def fail(case):
        raise EngineTimeout("no answer in 60 s")

    await check(2, Contender("v1", fail, record), contender("v2", lambda n: True))

    assert [success for success, _ in recorded] == [False, False]
    assert all(milliseconds >= 0 for _, milliseconds in recorded)


async def test_what_takes_a_person_is_left_out_and_said():
    judge = Judge(lambda case, output: None if case.variables["n"] < 3 else output == "good", "Judged by the test.")

    result = await check(10, contender("v1", lambda n: True), contender("v2", lambda n: True), judge)

    assert (result.judged, result.unjudged) == (7, 3)
    assert "3 inputs were left out: to judge their answers takes a person." in words(result)


@pytest.mark.parametrize(
    ("accepted", "output", "success"),
    [("a b", "a b", True), ("a b", " a\n b ", True), ("a b", "a c", False), ("", "", True), (None, "a", None)],
)
def test_an_accepted_answer_is_compared_white_space_aside(accepted, output, success):
    assert equals_accepted().decide(Case("c", {}, accepted), output) is success


@pytest.mark.parametrize(("error", "success"), [(None, True), (InvalidOutput("no"), False), (ValueError("no"), False)])
def test_an_answer_fills_a_schema_where_it_can_be_read(error, success):
    def read(output):
        if error:
            raise error

    assert fills_schema(read).decide(Case("c", {}), "{}") is success


async def test_a_clear_result_is_said_in_words():
    cost = Decimal("0.001")
    a = contender("v1", lambda n: n < 60, cost=cost)
    b = contender("v2", lambda n: n < 90, milliseconds=50.0, cost=3 * cost)

    result = await check(120, a, b)

    assert words(result)[0].startswith(
        "v2 is better than v1: succeeded on 75.0 % against 50.0 % of 120 inputs (difference "
    )
    assert words(result)[1:] == [
        "v2 took 50 ms less than v1 on average (difference between -50 and -50 ms, 95 %).",
        "v2 costs $2.00 more a thousand answers (difference between +2.00 and +2.00, 95 %).",
        "Judged by the test.",
    ]
    assert table(result) == [("v1", "120", "50.0 %", "0"), ("v2", "120", "75.0 %", "30")]
    assert len(HEADER) == 4


async def test_a_worse_version_is_said_to_be_worse():
    result = await check(40, contender("v1", lambda n: n < 30), contender("v2", lambda n: n < 10))

    assert words(result)[0].startswith("v2 is worse than v1: succeeded on 25.0 % against 75.0 %")


async def test_chance_is_not_called_a_difference():
    result = await check(40, contender("v1", lambda n: n < 20), contender("v2", lambda n: n < 23))

    assert words(result)[0].startswith(
        "No difference between v2 and v1 can be said: succeeded on 57.5 % against 50.0 %"
    )


@pytest.mark.parametrize("number", [0, 3])
async def test_without_judged_pairs_nothing_is_said(number):
    judge = Judge(lambda case, output: None, "Judged by the test.")

    result = await check(number, contender("v1", lambda n: True), contender("v2", lambda n: True), judge)

    assert words(result)[0] == "Nothing can be said of v2 and v1: no input could be judged on both."
