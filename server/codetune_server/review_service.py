"""Reviews what is open in the editor: by which settings, in which worker, less what the baseline accepts."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from codetune_core.detectors.protocol import Pace
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.fix import FixedAll
from codetune_core.domain.review import TIMED_OUT, Notice, Review, Stage
from codetune_core.domain.text import Edit, Range
from codetune_core.errors import CodeTuneError
from codetune_core.findings.comments import takes_comments
from codetune_core.fixes.ladder.request import Request
from codetune_core.fixes.ladder.result import Climbed
from codetune_core.model_reviewer.anchoring import Quoted
from codetune_core.model_reviewer.reading import Reading
from codetune_core.workers.messages import ClimbTask, ReviewTask, SetAsideTask, Trying
from codetune_core.workers.pool import Pool
from codetune_core.workers.supplies import Supplier
from codetune_core.workspace.trust import is_trusted
from codetune_server import holdings
from codetune_server.folders import Folder
from codetune_server.follow import follow
from codetune_server.holdings import Holding
from codetune_server.judging.carry import by_detectors, claims, in_order, with_verdicts
from codetune_server.offers import Deed
from codetune_server.session import Session, State
from codetune_server.subject import Subject
from codetune_server.told import Told

if TYPE_CHECKING:
    from codetune_core.syntax.python import Symbol

_DETECTOR_NOTICES = ("crashed:", TIMED_OUT, "failed:")

Configuration = Callable[[Folder | None], Awaitable[Told]]
"""What the editor says for a folder."""


class ReviewService:
    """Reviews documents of a session and remembers in it what was found.

    Args:
        session: what is open.
        configuration: asks the editor for its settings.
        announce: is told of every uri that has new findings, and at which stage.
    """

    def __init__(self, session: Session, configuration: Configuration, announce: Callable[[str, Stage], None]) -> None:
        self._session = session
        self._configuration = configuration
        self._announce = announce
        self._pool = Pool()
        self._background = Pool(background=True)
        self._holdings: dict[Folder | None, asyncio.Task[Holding]] = {}

    async def holding(self, document: Document) -> Holding:
        """What holds for a document."""
        return await self.holding_of(self._session.folders.of(document))

    async def holding_of(self, folder: Folder | None) -> Holding:
        """What holds in a folder; read when first needed."""
        reading = self._holdings.get(folder)
        if reading is None or (reading.done() and not _fine(reading)):
            reading = self._holdings[folder] = asyncio.create_task(self._read(folder))
        return await asyncio.shield(reading)

    async def reread(self, *, always: bool) -> bool:
        """Read settings and baselines again, ``always`` or where a file has changed; say whether anything did."""
        known = {folder: task.result() for folder, task in self._holdings.items() if task.done() and _fine(task)}
        unread = self._holdings.keys() - known.keys() if always else set()
        stale = [folder for folder, held in known.items() if always or not await asyncio.to_thread(_current, held)]
        for folder in (*stale, *unread):
            self._holdings.pop(folder, None)
        changed = [folder for folder in stale if not _same(await self.holding_of(folder), known[folder])]
        return bool(changed or unread)

    def forget(self, folder: Folder) -> None:
        """Forget what holds in a folder."""
        self._holdings.pop(folder, None)

    async def review(self, uri: str, thorough: bool) -> AsyncGenerator[Stage]:  # noqa: FBT001 - a review's two kinds
        """Review the present text of a document, yielding each stage once it is remembered."""
        subject = self._session.subject(uri)
        if subject is None:
            return
        try:
            async with aclosing(self._reviews(subject, Pace.SAVE if thorough else Pace.LIVE)) as reviews:
                async for review in reviews:
                    self._announce(uri, review.stage)
                    yield review.stage
        except CodeTuneError as error:
            self._session.tell(Notice(f"failed:{uri}:{error}", f"{subject.document.name} was not reviewed: {error}"))

    async def review_file(self, document: Document, pace: Pace) -> Review:
        """Review a file as it is on the disk, in the background and without fixes; raises CodeTuneError."""
        holding = await self.holding(document)
        if reason := await asyncio.to_thread(holding.why_skipped, document):
            return Review(document.uri, None, Stage.COMPLETE, skipped=reason)
        task = ReviewTask(document, holding.relative(document), pace, holding.settings, with_fixes=False)
        review = Review(document.uri, None, Stage.COMPLETE)
        async with aclosing(self._background.review(task)) as reviews:
            async for review in reviews:
                self._tell(review.notices)
        return holding.part(document, review, self._is_open)

    async def fix_all(self, state: State, findings: tuple[Finding, ...]) -> FixedAll:
        """Fix these findings of a text together; raises CodeTuneError."""
        holding = await self.holding(state.subject.document)
        return await self._pool.fix_all(state.subject.document, findings, holding.settings)

    async def climb(
        self,
        subject: Subject,
        ranges: tuple[Range, ...],
        supplier: Supplier,
        *,
        finding: Finding | None = None,
        candidates: int = 1,
    ) -> AsyncGenerator[Trying | Climbed]:
        """Have what a model proposes climb the ladder: yield what is tried, and last what became of it.

        ``ranges`` are those of the text that may change, none for the code around the finding. Raises CodeTuneError.
        """
        holding = await self.holding(subject.document)
        root = holding.folder.path if holding.folder else None
        trusted = await asyncio.to_thread(is_trusted, root)
        request = Request(subject.document, ranges, finding, root)
        async with aclosing(
            self._pool.climb(ClimbTask(request, holding.settings, trusted, candidates), supplier)
        ) as parts:
            async for part in parts:
                yield part

    async def ways_to_set_aside(self, document: Document) -> set[Deed]:
        """In which ways findings of a document can be set aside: by a comment, in the baseline."""
        holding = await self.holding(document)
        ways = {Deed.SILENCE: takes_comments(document), Deed.ACCEPT: bool(holding.relative(document))}
        return {deed for deed, possible in ways.items() if possible}

    async def silence(self, document: Document, finding: Finding, reason: str) -> Edit | None:
        """The edit that sets a finding aside by a comment; None where the language has none."""
        return await asyncio.to_thread(_silence, document, finding, reason)

    async def symbols(self, document: Document) -> "tuple[Symbol, ...]":
        """The functions and classes of a Python document."""
        return await asyncio.to_thread(_symbols, document)

    async def accept(self, document: Document, finding: Finding, reason: str) -> None:
        """Write a finding into the baseline of its folder; raises BaselineError."""
        holding = await self.holding(document)
        await asyncio.to_thread(holdings.accept, holding, document, finding, reason)

    async def read(self, document: Document) -> Reading:
        """Cut a document into what a model is asked about; raises CodeTuneError."""
        return await self._pool.read(document)

    async def anchor(self, document: Document, quotes: Sequence[Quoted]) -> Sequence[Range | None]:
        """Find what a model quotes; raises CodeTuneError."""
        return await self._pool.anchor(document, quotes)

    async def set_aside(
        self, document: Document, findings: Sequence[Finding]
    ) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
        """Part a model's findings into those shown and those that comments, settings or the baseline set aside."""
        holding = await self.holding(document)
        task = SetAsideTask(document, holding.relative(document), tuple(findings), holding.settings)
        shown, aside = await self._pool.set_aside(task)
        review = Review(document.uri, document.version, Stage.COMPLETE, shown, aside)
        review = holding.part(document, review, self._is_open)
        return review.findings, review.suppressed

    async def restart(self) -> None:
        """Replace the workers; what was said about detectors may be said again."""
        self._session.untell(_DETECTOR_NOTICES)
        await asyncio.gather(self._pool.restart(), self._background.restart())

    async def aclose(self) -> None:
        """End the workers."""
        for task in self._holdings.values():
            task.cancel()
        await asyncio.gather(self._pool.aclose(), self._background.aclose())

    async def _read(self, folder: Folder | None) -> Holding:
        editor = await self._configuration(folder)
        holding = await asyncio.to_thread(holdings.read, folder, editor)
        self._tell(notice for notice in holding.notices if notice not in holding.refused)
        if folder and holding.refused:
            self._session.voice.refused(folder, holding.refused)
        return holding

    async def _reviews(self, subject: Subject, pace: Pace) -> AsyncGenerator[Review]:
        document = subject.document
        holding = await self.holding(document)
        if reason := await asyncio.to_thread(holding.why_skipped, document):
            self._session.tell(Notice(f"skipped:{document.uri}", f"{document.name} is not reviewed: {reason}"))
            skipped = Review(document.uri, document.version, Stage.FIXED, skipped=reason)
            self._session.keep(State(subject, skipped, thorough=True))
            yield skipped
            return
        live: Review | None = None
        task = ReviewTask(document, holding.relative(document), pace, holding.settings)
        async with aclosing(self._pool.review(task)) as reviews:
            async for review in reviews:
                self._tell(review.notices)
                live = live or review
                yield await self._keep(subject, holding.part(document, review, self._is_open), live, pace)

    async def _keep(self, subject: Subject, review: Review, live: Review, pace: Pace) -> Review:
        """Remember a review, with what a model said and, until the slow detectors have answered, what they last did."""
        thorough = pace is Pace.SAVE and review.stage is not Stage.LIVE
        older = self._session.state(subject.document.uri)
        shown, aside = await self._claims(older, subject.document)
        while older is not (latest := self._session.state(subject.document.uri)):  # the model has gone on meanwhile
            older = latest
            shown, aside = await self._claims(older, subject.document)
        known = {finding.id for finding in review.findings}
        kept = () if thorough or older is None else _slow(older, subject.document, known)
        slow = known - {finding.id for finding in live.findings} if thorough else {finding.id for finding in kept}
        findings = (*review.findings, *kept)
        if older:
            findings = with_verdicts(findings, older, subject.document)
        suppressed = (*review.suppressed, *aside)
        review = replace(review, findings=in_order((*findings, *shown)), suppressed=suppressed)
        self._session.keep(State(subject, review, frozenset(slow), thorough))
        return review

    async def _claims(self, older: State | None, document: Document) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
        """What a model found in the last text and still stands, and what of it is set aside."""
        found = claims(older, document) if older else ()
        return await self.set_aside(document, found) if found else ((), ())

    def _is_open(self, uri: str) -> bool:
        return self._session.subject(uri) is not None

    def _tell(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            self._session.tell(notice)


def _slow(older: State, document: Document, known: set[str]) -> tuple[Finding, ...]:
    findings = (finding for finding in by_detectors(older) if finding.id in older.slow - known)
    return follow(findings, older.subject.document, document)


def _fine(task: asyncio.Task[Holding]) -> bool:
    return not task.cancelled() and task.exception() is None


def _current(holding: Holding) -> bool:
    return holding.is_current


def _same(one: Holding, other: Holding) -> bool:
    return (one.settings, one.baseline, one.stamps) == (other.settings, other.baseline, other.stamps)


def _silence(document: Document, finding: Finding, reason: str) -> Edit | None:
    from codetune_core.findings.silence import silence  # noqa: PLC0415 - a parser, which most sessions never need

    return silence(document, finding, reason)


def _symbols(document: Document) -> "tuple[Symbol, ...]":
    from codetune_core.syntax.python import outline  # noqa: PLC0415 - likewise

    return outline(document).symbols
