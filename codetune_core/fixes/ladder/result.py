"""How far a candidate came on the ladder, and why not further."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from codetune_core.domain.text import Edit


class Rung(StrEnum):
    """What is checked, from cheap to dear; each rung is only tried where none before it failed."""

    APPLIES = "applies"
    """V1: the edits fit the current text, stay in the requested ranges, and the text parses."""
    NAMES = "names"
    """V2: no name, module, package or attribute is invented."""
    RESCAN = "rescan"
    """V3: the finding is gone, and none is new."""
    TOOLS = "tools"
    """V4: the project's own type checker and linter say nothing new."""
    TESTS = "tests"
    """V5: the tests that reach the changed symbols pass."""


class Outcome(StrEnum):
    """What became of one rung."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Step:
    """One rung's outcome.

    Attributes:
        rung: what was checked.
        outcome: what came of it.
        words: where it passed, what people read in the title, such as ``12 tests``; else the reason: of a failure in
            words that a model can mend its edit by.
        seconds: how long it took.
    """

    rung: Rung
    outcome: Outcome
    words: str
    seconds: float = 0.0


def passed(rung: Rung, words: str) -> Step:
    """A rung that holds."""
    return Step(rung, Outcome.PASSED, words)


def failed(rung: Rung, reason: str) -> Step:
    """A rung that does not hold."""
    return Step(rung, Outcome.FAILED, reason)


def not_run(rung: Rung, reason: str) -> Step:
    """A rung of which nothing can be said."""
    return Step(rung, Outcome.NOT_RUN, reason)


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that gives no edits to try: why, in words that a model can mend it by."""

    reason: str


@dataclass(frozen=True)
class Climb:
    """A candidate's edits, one step for each rung, in order, and its number."""

    edits: tuple[Edit, ...]
    steps: tuple[Step, ...]
    candidate: int = 0

    @cached_property
    def failure(self) -> Step | None:
        """The rung that failed, None where none did."""
        return next((step for step in self.steps if step.outcome is Outcome.FAILED), None)

    @property
    def height(self) -> int:
        """How many rungs hold."""
        return sum(step.outcome is Outcome.PASSED for step in self.steps)

    @property
    def reason(self) -> str:
        """Why it failed, for the prompt that asks for a repair; empty where it did not."""
        return self.failure.words if self.failure else ""

    @property
    def is_preferred(self) -> bool:
        """Whether an editor may apply it as the obvious choice: V1 to V3 hold, and nothing after them fails."""
        held = {step.rung for step in self.steps if step.outcome is Outcome.PASSED}
        return self.failure is None and held >= {Rung.APPLIES, Rung.NAMES, Rung.RESCAN}

    def describe(self) -> str:
        """What a title says: ``verified: parses, names, rescan, 12 tests``."""
        held = [step.words for step in self.steps if step.outcome is Outcome.PASSED]
        return f"verified: {', '.join(held)}" if held and not self.failure else "not verified"

    def explain(self) -> str:
        """A line for each rung: what it says, or why it was not run."""
        return "\n".join(f"{step.rung}: {step.outcome} ({step.words})" for step in self.steps)


@dataclass(frozen=True, slots=True)
class Climbed:
    """What became of all candidates.

    Attributes:
        best: the highest of those that hold; None where none does.
        dropped: those that failed, each after its repair was tried.
        repaired: how many were asked for a repair.
    """

    best: Climb | None
    dropped: tuple[Climb, ...]
    repaired: int
