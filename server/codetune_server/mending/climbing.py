"""Has a model's answers climb the verification ladder, and tells the person at the editor how far they are."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

from codetune_core.errors import CodeTuneError
from codetune_core.fixes.ladder.result import Climb, Climbed, Rung
from codetune_core.mending.proposal import Proposal
from codetune_core.workers.messages import Trying, Wanted
from codetune_core.workers.supplies import Supplier
from codetune_server.errors import RequestError

_TRIED = {
    Rung.APPLIES: "applies the edit to a copy",
    Rung.NAMES: "checks names and looks for findings again",
    Rung.TOOLS: "runs your linter and type checker on a copy",
    Rung.TESTS: "runs your tests on a copy",
}

Answer = dict[str, Any]
"""What a model answered: ``output``, ``model``, ``executionId``."""
Question = Callable[[Wanted], Awaitable[Answer]]


class Teller(Protocol):
    """Is told how far it is; what it raises stops everything."""

    def told(self, text: str) -> None:
        """Take it in."""
        ...


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a model's answers.

    Attributes:
        climbed: on the ladder.
        answers: the last one of each candidate, by its number.
        keeps_failing_tests: whether edits hold of which only the tests fail, as new tests may show a flaw.
    """

    climbed: Climbed
    answers: dict[int, Answer]
    keeps_failing_tests: bool = False

    @property
    def answer(self) -> Answer:
        """That of the best, else of any that was dropped."""
        best = self.best or next(iter(self.climbed.dropped), None)
        return self.answers.get(best.candidate if best else 0, {})

    @property
    def best(self) -> Climb | None:
        """The edits that are to be applied; None where none holds."""
        failing = (end for end in self.climbed.dropped if end.failure and end.failure.rung is Rung.TESTS)
        return self.climbed.best or (next(failing, None) if self.keeps_failing_tests else None)

    @property
    def verified(self) -> str:
        """What was checked of the best, such as ``verified: parses, names``, or that its tests fail."""
        if self.best is None or self.best.failure is None:
            return self.best.describe() if self.best else "not verified"
        return f"the tests were run: {self.best.reason}"

    @property
    def dropped(self) -> str:
        """Say how many were dropped, and why the last was; empty for none."""
        dropped = [end for end in self.climbed.dropped if end is not self.best]
        if not dropped:
            return ""
        number = "1 attempt was" if len(dropped) == 1 else f"{len(dropped)} attempts were"
        return f"{number} dropped: {dropped[-1].reason}"


async def climbed(
    start: Callable[[Supplier], AsyncGenerator[Trying | Climbed]],
    ask: Question,
    read: Callable[[Answer], Awaitable[Proposal]],
    teller: Teller,
) -> Ended:
    """Ask, read and check until it is known what holds; being cancelled stops the model and what checks.

    Args:
        start: begins the climb, with what supplies it.
        ask: asks the model for a candidate.
        read: makes a proposal of an answer.
        teller: is told which rung is tried.

    Raises:
        CodeTuneError: there is no candidate, in words.
    """
    answers: dict[int, Answer] = {}

    async def supply(wanted: Wanted) -> Proposal:
        try:
            answers[wanted.candidate] = await ask(wanted)
        except RequestError as error:
            raise CodeTuneError(error.message) from error
        return await read(answers[wanted.candidate])

    async with aclosing(start(supply)) as parts:
        async for part in parts:
            if isinstance(part, Climbed):
                return Ended(part, answers)
            teller.told(_TRIED.get(part.rung, part.rung))
    raise CodeTuneError("the check of the model's edit ended without a result")
