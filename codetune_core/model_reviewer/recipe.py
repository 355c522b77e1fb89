"""The recipe of a review with a model: ask about each unit, settle both readings, merge, stay within the budget."""

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from codetune_core.domain.finding import Finding
from codetune_core.execution.protocol import Executor
from codetune_core.model_reviewer.anchoring import Anchoring
from codetune_core.model_reviewer.asking import Unanswered, ask_all
from codetune_core.model_reviewer.budget import within_budget
from codetune_core.model_reviewer.calibration import Calibration
from codetune_core.model_reviewer.memory import Memory
from codetune_core.model_reviewer.progress import ModelReview, Progress
from codetune_core.model_reviewer.question import Asker, Question, questions
from codetune_core.model_reviewer.reading import Reading
from codetune_core.model_reviewer.verdicts import Answers


@dataclass(frozen=True, slots=True)
class Limits:
    """How many new findings a review may add, and how many units are asked about at once (two passes each)."""

    most_new: int = 5
    parallel: int = 4


class ModelReviewer:
    """Has findings judged by a model, and remembers what it said for as long as the code stays."""

    def __init__(
        self,
        executor: Executor,
        anchoring: Anchoring,
        limits: Limits | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self._executor = executor
        self._anchoring = anchoring
        self._limits = limits or Limits()
        self._calibration = calibration or Calibration()
        self._memory = Memory()

    async def review(
        self,
        reading: Reading,
        findings: Sequence[Finding],
        changed: Collection[str] | None = None,
        *,
        background: str = "",
        asker: Asker | None = None,
    ) -> AsyncGenerator[ModelReview]:
        """Yield what is remembered, at once, then the verdicts of each unit as they come, and last the new findings.

        Asked about are units that hold findings, and of the others those whose keys are in ``changed`` (None for
        all); never one that was answered before. New findings come together, when they can be ranked; those shown
        before stay meanwhile. ``findings`` must have their ids; they keep place, severity and confidence. Closing the
        generator cancels what runs; what was answered by then is remembered.
        """
        uri = reading.document.uri
        progress = Progress(reading, findings)
        waiting = []
        for question in questions(reading, findings, background):
            answers = self._memory.answers(question)
            if before := answers or self._memory.last_answers(uri, question):
                await progress.settle(question, before, self._anchoring)
            if answers is None and _is_wanted(question, changed):
                waiting.append(question)
        progress.asked = len(waiting)
        yield self._shown(progress)
        async with aclosing(ask_all(self._executor, waiting, asker or Asker(), self._limits.parallel)) as said:
            async for question, answer in said:
                await self._take(progress, question, answer)
                yield self._shown(progress)

    async def _take(self, progress: Progress, question: Question, answer: Answers | Unanswered) -> None:
        progress.answered += 1
        if isinstance(answer, Unanswered):
            progress.failures[answer.message] = None
            return
        self._memory.keep(progress.reading.document.uri, question, answer)
        await progress.settle(question, answer, self._anchoring)

    def _shown(self, progress: Progress) -> ModelReview:
        uri = progress.reading.document.uri
        complete = progress.answered == progress.asked
        room = self._limits.most_new if complete else 0
        chosen = within_budget(progress.new(), room, self._calibration, self._memory.shown(uri))
        if complete:
            self._memory.show(uri, frozenset(finding.id for finding in chosen))
        return progress.review(chosen)


def _is_wanted(question: Question, changed: Collection[str] | None) -> bool:
    unit = question.unit
    return bool(question.candidates) or (unit.has_code and (changed is None or unit.key in changed))
