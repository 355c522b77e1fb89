"""The recipe of a model's edit: candidates climb the ladder in parallel, and the one that comes highest is taken."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from codetune_core.domain.check import Check
from codetune_core.domain.document import Document
from codetune_core.domain.text import Edit
from codetune_core.errors import CodeTuneError
from codetune_core.fixes.ladder.applies import apply, why_broken
from codetune_core.fixes.ladder.copied import Copy, copied
from codetune_core.fixes.ladder.interpreter import Interpreter, source_roots
from codetune_core.fixes.ladder.invented import resolve_names
from codetune_core.fixes.ladder.modules import Modules
from codetune_core.fixes.ladder.project_tests import run_tests
from codetune_core.fixes.ladder.request import Request
from codetune_core.fixes.ladder.rescan import rescan
from codetune_core.fixes.ladder.result import Climb, Climbed, Outcome, Refused, Rung, Step, failed, not_run
from codetune_core.fixes.ladder.running import Limits
from codetune_core.fixes.ladder.tools import check_with_tools
from codetune_core.fixes.protocol import Checker, Finder
from codetune_core.fixes.verify import State, state_of

Ask = Callable[[int, str], Awaitable[Sequence[Edit] | Refused]]
"""Ask a model: number of the candidate from 0, and why its last attempt failed (empty at first) -> its edits."""
Tell = Callable[[int, Rung], None]
"""Told which rung a candidate tries now."""


@dataclass(frozen=True, slots=True)
class Means:
    """What candidates are checked with.

    Attributes:
        checker: says whether a text is sound.
        finder: runs the detectors.
        interpreter: the workspace's Python.
        trusted: whether the user trusts the workspace: its tools and tests run its code and its configuration.
        with_tests: whether tests may be run, which a user asks for.
        limits: of each tool and test run.
    """

    checker: Checker
    finder: Finder
    interpreter: Interpreter
    trusted: bool = False
    with_tests: bool = False
    limits: Limits = field(default_factory=Limits)


def _untold(_candidate: int, _rung: Rung) -> None:
    pass


async def climb(request: Request, ask: Ask, means: Means, candidates: int = 1, tell: Tell = _untold) -> Climbed:
    """Ask for candidates in parallel, have each climb, repair each that fails once, and take the highest.

    Once one holds all the way up, the others are stopped. ``tell`` is told how far each is.

    Raises:
        CodeTuneError: a detector cannot look at the current text, or no candidate could be asked for.
    """
    ladder = await Ladder.at(request, means)
    asked = [asyncio.create_task(_candidate(ladder, ask, tell, number)) for number in range(candidates)]
    ended: list[tuple[Climb, bool]] = []
    errors: list[CodeTuneError] = []
    try:
        for next_one in asyncio.as_completed(asked):
            try:
                ended.append(await next_one)
            except CodeTuneError as error:
                errors.append(error)
                continue
            if ladder.is_top(ended[-1][0]):
                break
    finally:
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
    if not ended and errors:
        raise errors[0]
    held = [end for end, _ in ended if end.failure is None]
    dropped = tuple(end for end, _ in ended if end.failure)
    return Climbed(max(held, key=lambda end: end.height, default=None), dropped, sum(again for _, again in ended))


async def _candidate(ladder: "Ladder", ask: Ask, tell: Tell, number: int) -> tuple[Climb, bool]:
    """One candidate's climb, and whether it is the second one, after a repair."""
    first = await ladder.climb(await ask(number, ""), partial(tell, number))
    if first.failure is None:
        return replace(first, candidate=number), False
    second = await ladder.climb(await ask(number, first.reason), partial(tell, number))
    return replace(second, candidate=number), True


class Ladder:
    """The rungs for one request: how the current text stands is looked at once."""

    def __init__(self, request: Request, means: Means, before: State) -> None:
        self._request, self._means, self._before = request, means, before
        roots = source_roots(request.root, request.document.path)
        self._modules = Modules(means.interpreter, roots)
        self._turn = asyncio.Semaphore(1)  # programs of the project run one after the other: they take whole cores

    @classmethod
    async def at(cls, request: Request, means: Means) -> "Ladder":
        """Look at the current text; raises CodeTuneError where a detector cannot."""
        return cls(request, means, await state_of(request.document, means.checker, means.finder, _also(request)))

    async def climb(self, proposed: Sequence[Edit] | Refused, tell: Callable[[Rung], None] = lambda _: None) -> Climb:
        """Try each rung until one fails; those after it are not run."""
        if isinstance(proposed, Refused):
            return _ended((), [failed(Rung.APPLIES, proposed.reason)])
        try:
            after, step = apply(self._request, proposed)
            steps = [step]
            if after:
                await self._climb_higher(after, steps, tell)
        except (RecursionError, MemoryError):
            return _ended((), [failed(Rung.APPLIES, "the edited file is nested too deeply to be checked")])
        return _ended(proposed, steps)

    def is_top(self, climb: Climb) -> bool:
        """Say whether no candidate can come higher."""
        means = self._means
        highest = 3 + means.trusted + (means.trusted and means.with_tests)
        return climb.failure is None and climb.height >= highest

    async def _climb_higher(self, after: Document, steps: list[Step], tell: Callable[[Rung], None]) -> None:
        means, before = self._means, self._request.document
        if before.language == "python" and why_broken(before.text):
            steps += [not_run(rung, "the text does not parse, without the edit either") for rung in list(Rung)[1:]]
            return
        tell(Rung.NAMES)
        try:
            state = await state_of(after, means.checker, means.finder, _also(self._request))
        except CodeTuneError as error:
            steps.append(not_run(Rung.NAMES, str(error)))
            steps.append(not_run(Rung.RESCAN, str(error)))
        else:
            steps.append(await self._names(after, state.check))
            if steps[-1].outcome is not Outcome.FAILED:
                steps.append(rescan(self._before, state, self._request.finding))
        if steps[-1].outcome is not Outcome.FAILED:
            await self._run_programs(before, after, steps, tell)

    async def _names(self, after: Document, check: Check) -> Step:
        if not check.parses and after.language == "python":
            return failed(Rung.NAMES, "the checker cannot read the edited file: it does not parse")
        checks = self._before.check, check
        before, root = self._request.document, self._request.root
        return await asyncio.to_thread(resolve_names, before, after, checks, self._modules, root)

    async def _run_programs(
        self, before: Document, after: Document, steps: list[Step], tell: Callable[[Rung], None]
    ) -> None:
        reason = _why_no_programs(self._request, self._means)
        if reason:
            steps += [not_run(Rung.TOOLS, reason), not_run(Rung.TESTS, reason)]
            return
        root, path = self._request.root, self._request.document.path
        try:
            async with self._turn, copied(root, path) as copy:  # type: ignore[arg-type]
                tell(Rung.TOOLS)
                steps.append(await _timed(self._tools(before, after, copy)))
                if steps[-1].outcome is not Outcome.FAILED:
                    tell(Rung.TESTS)
                    steps.append(await _timed(self._tests(before, after, copy)))
        except (CodeTuneError, OSError) as error:
            steps += [not_run(rung, str(error)) for rung in list(Rung)[len(steps) :]]

    async def _tools(self, before: Document, after: Document, copy: Copy) -> Step:
        return await check_with_tools((before, after), copy, self._means.interpreter, self._means.limits)

    async def _tests(self, before: Document, after: Document, copy: Copy) -> Step:
        if not self._means.with_tests:
            return not_run(Rung.TESTS, "running tests is not switched on")
        return await run_tests(before, after, copy, self._means.interpreter, self._means.limits)


def _ended(edits: Sequence[Edit], steps: Sequence[Step]) -> Climb:
    failure = next((step for step in steps if step.outcome is Outcome.FAILED), None)
    left = [not_run(rung, f"{failure.rung} failed" if failure else "") for rung in list(Rung)[len(steps) :]]
    return Climb(tuple(edits), (*steps, *left))


def _also(request: Request) -> tuple[str, ...]:
    """Slow detectors to ask: those that made the finding."""
    return request.finding.detectors if request.finding else ()


def _why_no_programs(request: Request, means: Means) -> str:
    """Say why the project's programs are not run, empty where they are."""
    path = request.document.path
    if not means.trusted:
        return "the workspace is not trusted"
    if request.document.language != "python" or (path and path.suffix == ".ipynb"):
        return "only projects in Python are checked with their tools and tests"
    if request.root is None or path is None or not path.is_relative_to(request.root):
        return "the document is in no workspace"
    return ""


async def _timed(step: Awaitable[Step]) -> Step:
    start = time.monotonic()
    return replace(await step, seconds=time.monotonic() - start)
