"""The recipe of a review with a model: ask about each unit, settle both readings, merge, stay within the budget."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.execution.protocol import Executor
from codetune_core.model_reviewer.anchoring import Anchoring
from codetune_core.model_reviewer.asking import Unanswered
from codetune_core.model_reviewer.budget import within_budget
from codetune_core.model_reviewer.calibration import Calibration
from codetune_core.model_reviewer.memory import Memory
from codetune_core.model_reviewer.progress import ModelReview, Progress
from codetune_core.model_reviewer.question import Asker, Question, questions
from codetune_core.model_reviewer.reading import Reading, Unit
from codetune_core.model_reviewer.rounds import Answer, Flights, Holds, Round

Parted = tuple[Sequence[Finding], Sequence[Finding]]
SetAside = Callable[[Document, Sequence[Finding]], Awaitable[Parted]]
"""Parts new findings into those that may be shown and those that comments, settings or a baseline set aside."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a document is asked about, and how much is shown.

    Attributes:
        changed: keys of units that are asked about though no finding stands in them; None for all.
        only: keys of units beside which nothing is asked about; None for no such limit.
        holds: whether a unit's code still is what it was when it was read; what does not is not asked about.
        most_new: how many new findings a review may add to those shown before.
    """

    changed: Collection[str] | None = None
    only: Collection[str] | None = None
    holds: Holds = lambda _: True
    most_new: int = 5

    def wants(self, question: Question) -> bool:
        """Say whether a question belongs to it."""
        unit = question.unit
        if self.only is not None and unit.key not in self.only:
            return False
        return bool(question.candidates) or (unit.has_code and (self.changed is None or unit.key in self.changed))


async def _shows_all(_document: Document, findings: Sequence[Finding]) -> Parted:
    return findings, ()


class ModelReviewer:
    """Has findings judged by a model, and remembers what it said for as long as the code stays.

    Args:
        executor: who asks.
        anchoring: finds what the model quotes.
        calibration: by which new findings are ranked; may be replaced.
        set_aside: says which of them nobody wants to see.
        parallel: how many units are asked about at once, two passes each.
    """

    def __init__(
        self,
        executor: Executor,
        anchoring: Anchoring,
        calibration: Calibration | None = None,
        set_aside: SetAside = _shows_all,
        parallel: int = 4,
    ) -> None:
        self.calibration = calibration or Calibration()
        self._flights = Flights(executor)
        self._rounds: set[Round] = set()
        self._anchoring = anchoring
        self._parallel = parallel
        self._set_aside = set_aside
        self._memory = Memory()

    async def review(
        self,
        reading: Reading,
        findings: Sequence[Finding],
        scope: Scope | None = None,
        *,
        background: str = "",
        asker: Asker | None = None,
    ) -> AsyncGenerator[ModelReview]:
        """Yield what is remembered, at once, then the verdicts of each unit as they come, and last the new findings.

        Asked about are units that hold findings, and others as ``scope`` says; never one that was answered before. New
        findings come together, when they can be ranked; those shown before stay meanwhile. ``findings`` must have
        their ids; they keep place, severity and confidence. With the first update, what another review of the document
        asks too is taken over. Closing the generator cancels what nobody else waits for; what was answered by then is
        remembered.
        """
        uri, scope, progress, waiting = reading.document.uri, scope or Scope(), Progress(reading, findings), []
        for question in questions(reading, findings, background):
            answers = self._memory.answers(question)
            if before := answers or self._memory.last_answers(uri, question):
                await progress.settle(question, before, self._anchoring)
            if answers is None and scope.wants(question):
                waiting.append(question)
        progress.asked = len(waiting)
        with self._round(uri, waiting, asker or Asker(), scope.holds) as asked:
            try:
                yield await self._shown(progress, scope.most_new)
                progress.fresh.clear()
                async with aclosing(asked.answers(self._parallel)) as said:
                    async for question, answer in said:
                        await self._take(progress, question, answer)
                        yield await self._shown(progress, scope.most_new)
            finally:
                await asked.aclose()

    def recheck(self) -> None:
        """Cancel what is asked about code that has changed since, as the scopes of the reviews say."""
        for each in self._rounds:
            each.recheck()

    def remembers(self, uri: str) -> bool:
        """Say whether anything was said of a document."""
        return self._memory.knows(uri)

    @contextmanager
    def _round(
        self, uri: str, waiting: Sequence[Question], asker: Asker, holds: Callable[[Unit], bool]
    ) -> Iterator[Round]:
        asked = Round(self._flights, uri, waiting, asker, holds)
        self._rounds.add(asked)
        try:
            yield asked
        finally:
            self._rounds.discard(asked)

    async def _take(self, progress: Progress, question: Question, answer: Answer) -> None:
        progress.answered += 1
        if isinstance(answer, Unanswered):
            progress.failures[answer.message] = None
        elif answer:
            self._memory.keep(progress.reading.document.uri, question, answer)
            await progress.settle(question, answer, self._anchoring)

    async def _shown(self, progress: Progress, most_new: int) -> ModelReview:
        uri = progress.reading.document.uri
        complete = progress.answered == progress.asked
        made = progress.new()
        new, aside = await self._set_aside(progress.reading.document, made) if made else ((), ())
        room = most_new if complete else 0
        chosen = within_budget(new, room, self.calibration, self._memory.shown(uri))
        if complete:
            self._memory.show(uri, frozenset(finding.id for finding in chosen))
        return progress.review(chosen, tuple(aside))
