"""Has a model review what is saved, or what is asked for, and brings its verdicts into the session as they come."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from codetune_core.domain.document import Document
from codetune_core.domain.execution import Priority
from codetune_core.domain.finding import Finding, Standing
from codetune_core.domain.review import Notice, Stage
from codetune_core.domain.text import Range
from codetune_core.errors import CodeTuneError
from codetune_core.execution.protocol import Executor
from codetune_core.model_reviewer.progress import ModelReview
from codetune_core.model_reviewer.question import Asker
from codetune_core.model_reviewer.reading import Reading, Unit
from codetune_core.model_reviewer.recipe import ModelReviewer, Scope
from codetune_core.model_reviewer.tallies import calibration
from codetune_server.folders import paths_of, workspace_of
from codetune_server.follow import Shift
from codetune_server.judging.carry import by_detectors, told
from codetune_server.review_service import ReviewService
from codetune_server.session import State

if TYPE_CHECKING:
    from codetune_server.backend import Backend

logger = logging.getLogger(__name__)
Tell = Callable[[ModelReview], None]


class Judge:
    """Reviews with a model; of one document's reviews after a save the newest one counts."""

    def __init__(self, backend: "Backend", service: ReviewService, executor: Executor) -> None:
        self._backend = backend
        self._session = backend.session
        self._service = service
        self.reviewer = ModelReviewer(executor, service.anchor, set_aside=service.set_aside)
        self._opened: dict[str, tuple[Document, frozenset[str]]] = {}
        self._jobs: dict[str, list[asyncio.Task[None]]] = {}

    def saved(self, key: str) -> None:
        """Review the text in the background, as it is when the detectors have."""
        self._begin(key, Scope())

    def opened(self, key: str) -> None:
        """Show again what is remembered of a document that was open before."""
        if self.reviewer.remembers(key):
            self._begin(key, Scope(only=frozenset()))

    def edited(self) -> None:
        """Stop what is asked about code that has changed."""
        self.reviewer.recheck()

    def closed(self, key: str) -> None:
        """Stop what runs for a document, also what a command asked for."""
        self._opened.pop(unquote(key), None)
        for job in self._jobs.get(unquote(key), ()):
            job.cancel()
        self.reviewer.recheck()

    async def aclose(self) -> None:
        """Stop everything."""
        jobs = [job for some in self._jobs.values() for job in some]
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)

    async def review(self, state: State, place: Range | None, tell: Tell) -> dict[str, int]:
        """Review a text wholly, or the functions that a range touches; return how much came of it.

        ``tell`` gets how far it is. Being cancelled stops the model. Raises CodeTuneError where nobody answered.
        """
        document = state.subject.document
        reading = await self._service.read(document)
        touched = (unit.key for unit in reading.units if place and any(own.overlaps(place) for own in unit.places))
        scope = Scope(only=frozenset(touched) if place else None)
        last = ModelReview(document.uri, document.version, ())
        async with aclosing(self._reviews(state, reading, scope, Priority.EXPLICIT)) as updates:
            async for last in updates:
                tell(last)
        if last.failures and not last.settled:
            raise CodeTuneError(last.failures[0])
        return _counts(last)

    def _begin(self, key: str, scope: Scope) -> None:
        subject = self._session.subject(key)
        if subject is None:
            return
        jobs = self._jobs.setdefault(unquote(key), [])
        job = asyncio.create_task(self._guarded(key, subject.document, scope, tuple(jobs)))
        jobs.append(job)
        job.add_done_callback(lambda _: self._ended(unquote(key), job))

    def _ended(self, key: str, job: asyncio.Task[None]) -> None:
        self._jobs[key].remove(job)
        if not self._jobs[key]:
            del self._jobs[key]
        if not job.cancelled() and (error := job.exception()):
            logger.warning("a review with a model failed: %s", type(error).__name__)
            logger.debug("a review with a model failed", exc_info=error)

    async def _guarded(self, key: str, document: Document, scope: Scope, older: Sequence[asyncio.Task[None]]) -> None:
        try:
            await self._job(key, scope, older)
        except CodeTuneError as error:
            self._not_reviewed(document, str(error))

    async def _job(self, key: str, scope: Scope, older: Iterable[asyncio.Task[None]]) -> None:
        """Review, and end the reviews of older texts as soon as what they have under way is taken over."""
        await self._backend.scheduler.complete(key)
        state = self._session.state(key)
        if state is None or not state.thorough or state.review.skipped or await self.model() is None:
            return
        reading = await self._service.read(state.subject.document)
        if scope.only is None:
            scope = replace(scope, changed=await self._changed(key, reading))
        async with aclosing(self._reviews(state, reading, scope, Priority.BACKGROUND)) as updates:
            async for _ in updates:
                for job in older:
                    job.cancel()

    async def _reviews(
        self, state: State, reading: Reading, scope: Scope, priority: Priority
    ) -> AsyncGenerator[ModelReview]:
        document = state.subject.document
        workspace = workspace_of(self._session.folders.of(document))
        asker = Asker(workspace, paths_of(document), priority=priority)
        most_new = (await self._service.holding(document)).settings.review.most_new
        scope = replace(scope, holds=self._holds(document), most_new=most_new)
        self.reviewer.calibration = await asyncio.to_thread(calibration)
        review = self.reviewer.review(reading, by_detectors(state), scope, asker=asker)
        async with aclosing(review) as updates:
            async for said in updates:
                self._take(said, document)
                yield said

    def _take(self, said: ModelReview, about: Document) -> None:
        """Put what a model said in its place, and have it shown."""
        key = about.uri
        for failure in said.failures:
            self._not_reviewed(about, failure)
        if said.complete and said.asked:
            self._session.voice.log(_summary(about, said))
        state = self._session.state(key)
        if state is None:
            return
        review = told(state, said, about)
        if (review.findings, review.suppressed) != (state.review.findings, state.review.suppressed):
            self._session.keep(replace(state, review=review))
            self._backend.announce(key, Stage.COMPLETE)
            for execution_id in _executions(review.findings) - _executions(state.review.findings):
                self._backend.outcomes.shown(execution_id)

    def _holds(self, about: Document) -> Callable[[Unit], bool]:
        known: tuple[Document, Shift] = about, Shift.between(about, about)

        def holds(unit: Unit) -> bool:
            nonlocal known
            subject = self._session.subject(about.uri)
            if subject is None:
                return False
            if subject.document is not known[0]:
                known = subject.document, Shift.between(about, subject.document)
            return all(known[1].range(place) for place in unit.places)

        return holds

    async def _changed(self, key: str, reading: Reading) -> frozenset[str]:
        """Keys of units that are not what they were when the document was opened."""
        opened = self._session.opened.get(unquote(key))
        if opened is None:
            return frozenset()
        known = self._opened.get(unquote(key))
        if known is None or known[0] is not opened:
            keys = frozenset(unit.key for unit in (await self._service.read(opened)).units)
            known = self._opened[unquote(key)] = opened, keys
        return frozenset(unit.key for unit in reading.units) - known[1]

    async def model(self) -> str | None:
        """Who answers, empty where the service of the team chooses; None where nobody does."""
        catalogue = await self._backend.learn_prompts()
        await catalogue.settled()
        return catalogue.reviewer

    def _not_reviewed(self, document: Document, why: str) -> None:
        self._session.tell(Notice(f"judging:{why}", f"a model did not review all of {document.name}: {why}"))


def _counts(said: ModelReview) -> dict[str, int]:
    """Return how much there is of what, as commands answer it."""
    standings = Counter(finding.verdict.standing for finding in said.findings if finding.verdict)
    return {
        "asked": said.asked,
        "answered": said.answered,
        "confirmed": standings[Standing.CONFIRMED],
        "doubtful": standings[Standing.DOUBTFUL],
        "new": standings[Standing.NEW],
        "heldBack": said.held_back,
        "dropped": sum(said.dropped.values()),
    }


def _summary(document: Document, said: ModelReview) -> str:
    counted = _counts(said)
    dropped = ", ".join(f"{number} {why}" for why, number in sorted(said.dropped.items()))
    shown = ", ".join(f"{counted[each]} {each}" for each in Standing)
    more = f"; {said.held_back} more held back" if said.held_back else ""
    more += f"; dropped claims: {dropped}" if dropped else ""
    return f"CodeTune: a model was asked about {said.asked} parts of {document.name}: {shown}{more}"


def _executions(findings: Iterable[Finding]) -> set[str]:
    """Return whose verdicts or claims stand."""
    return {finding.verdict.execution_id for finding in findings if finding.verdict} - {""}
