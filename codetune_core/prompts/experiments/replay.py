"""Replay: recorded inputs run again through two versions, offline, and what each made of them compared in pairs."""

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pydantic import JsonValue

from codetune_core.errors import BudgetSpent, ExecutionError
from codetune_core.prompts.experiments.paired import Estimate, bootstrap, mcnemar

_SEED = 0


@dataclass(frozen=True, slots=True)
class Case:
    """A recorded input; ``accepted`` is an answer to it that a person accepted, None where there is none."""

    name: str
    variables: Mapping[str, JsonValue]
    accepted: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a version made of a case; without ``output`` it failed, for the reason ``error``."""

    output: str | None
    milliseconds: float | None = None
    cost_usd: Decimal | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Contender:
    """A version: what to call it, how to run it, and where each result is recorded (success, milliseconds)."""

    name: str
    run: Callable[[Case], Awaitable[Answer]]
    record: Callable[[bool, float], Awaitable[object]] | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """How an output is judged.

    Attributes:
        decide: whether an output is good; None where this takes a person.
        caution: what the reader of the figures must know about it.
    """

    decide: Callable[[Case, str], bool | None]
    caution: str


@dataclass(frozen=True, slots=True)
class Pair:
    """One case and both answers; success is None where nobody but a person can say."""

    case: Case
    a: Answer
    b: Answer
    a_success: bool | None
    b_success: bool | None


@dataclass(frozen=True, slots=True)
class PairedResult:
    """What a replay found; differences are B minus A, None where nothing was measured.

    Attributes:
        judged: cases on which both could be judged.
        both: of those, on which both succeeded; ``only_a``, ``only_b`` on which one did.
        unjudged: cases that take a person.
        p: McNemar's exact two-sided p-value; it holds for one look, at the end.
    """

    a: str
    b: str
    judged: int
    both: int
    only_a: int
    only_b: int
    unjudged: int
    p: float
    success: Estimate | None
    milliseconds: Estimate | None
    cost_usd: Estimate | None
    caution: str
    pairs: tuple[Pair, ...]


def equals_accepted() -> Judge:
    """Judge by the answer that was accepted, white space aside; a case without one cannot be judged."""

    def decide(case: Case, output: str) -> bool | None:
        return None if case.accepted is None else output.split() == case.accepted.split()

    return Judge(
        decide,
        "An answer counts as good only where it repeats the accepted one, word for word: this favours the version "
        "that wrote the accepted answers, and says nothing of other good answers.",
    )


def fills_schema(read: Callable[[str], object]) -> Judge:
    """Judge by whether ``read`` takes the output without an ExecutionError or ValueError."""

    def decide(_: Case, output: str) -> bool:
        try:
            read(output)
        except (ExecutionError, ValueError):
            return False
        return True

    return Judge(
        decide, "An answer counts as good where it has the form that was asked for: nobody looked if it is right."
    )


async def replay(
    cases: Iterable[Case],
    contenders: tuple[Contender, Contender],
    judge: Judge,
    *,
    concurrency: int = 4,
    progress: Callable[[int], None] = lambda _: None,
) -> PairedResult:
    """Run each case through both versions, a few cases at once, and compare the second, B, with the first, A.

    Which of the two goes first is drawn for each case, so that a warmed-up engine favours neither. An ExecutionError
    is a failure of that version on that case, but for BudgetSpent: that, and any other error, ends the replay, as
    cancelling it does, and stops what runs. ``progress`` is called with the number of finished cases. Equal answers
    give equal figures: all chance is seeded.
    """
    chance = random.Random(_SEED)  # noqa: S311 - an order, not a secret
    places = asyncio.Semaphore(concurrency)
    finished = itertools.count(1)

    async def run(case: Case, order: Sequence[int]) -> Pair:
        async with places:
            found = {place: await _run(contenders[place], case, judge) for place in order}
            progress(next(finished))
        return Pair(case, found[0][0], found[1][0], found[0][1], found[1][1])

    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(run(case, chance.sample((0, 1), 2))) for case in cases]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    pairs = [task.result() for task in running]
    return await asyncio.to_thread(_compare, pairs, contenders, judge)


async def _run(contender: Contender, case: Case, judge: Judge) -> tuple[Answer, bool | None]:
    """Run one version on one case, judge and record it; a failure without a time of its own has the time it took."""
    started = time.perf_counter()
    try:
        answer = await contender.run(case)
    except BudgetSpent:
        raise
    except ExecutionError as error:
        answer = Answer(None, error=str(error))
    success = False if answer.output is None else judge.decide(case, answer.output)
    if contender.record and success is not None:
        took = 1000 * (time.perf_counter() - started) if answer.milliseconds is None else answer.milliseconds
        await contender.record(success, took)
    return answer, success


def _compare(pairs: Sequence[Pair], contenders: tuple[Contender, Contender], judge: Judge) -> PairedResult:
    judged = [(p.a_success, p.b_success) for p in pairs if p.a_success is not None and p.b_success is not None]
    only_a, only_b = judged.count((True, False)), judged.count((False, True))
    return PairedResult(
        a=contenders[0].name,
        b=contenders[1].name,
        judged=len(judged),
        both=judged.count((True, True)),
        only_a=only_a,
        only_b=only_b,
        unjudged=len(pairs) - len(judged),
        p=mcnemar(only_a, only_b),
        success=_estimate([float(b) - float(a) for a, b in judged]),
        milliseconds=_estimate([_difference(p.a.milliseconds, p.b.milliseconds) for p in pairs]),
        cost_usd=_estimate([_difference(p.a.cost_usd, p.b.cost_usd) for p in pairs]),
        caution=judge.caution,
        pairs=tuple(pairs),
    )


def _difference(a: float | Decimal | None, b: float | Decimal | None) -> float | None:
    return None if a is None or b is None else float(b) - float(a)


def _estimate(differences: Sequence[float | None]) -> Estimate | None:
    measured = [difference for difference in differences if difference is not None]
    return bootstrap(measured, seed=_SEED) if measured else None
