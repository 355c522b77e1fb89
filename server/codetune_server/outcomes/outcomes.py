"""What features tell when a model's answer was shown, applied or refused; what watches is loaded when needed."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding
from codetune_core.domain.text import Edit
from codetune_server import imports

if TYPE_CHECKING:
    from codetune_core.execution.protocol import Executor
    from codetune_server.outcomes.watcher import Watcher

logger = logging.getLogger(__name__)
_LAST_SECONDS = 0.3
"""For what is left when the editor ends."""
_MOST_OFFERS = 32
"""Changes of a document in which an edit that the editor has is looked for."""
_RATED_SECONDS = 600.0
"""How long an answer can be rated in a menu."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What outcomes need of the server.

    Attributes:
        wanted: whether the settings let them be recorded.
        text: the present text of an open document.
        executor: who ran what is rated.
    """

    wanted: Callable[[], Awaitable[bool]]
    text: Callable[[str], Document | None]
    executor: Callable[[], "Awaitable[Executor]"]


@dataclass(frozen=True, slots=True)
class Change:
    """Edits of a document, and the finding that they mend."""

    before: Document
    edits: tuple[Edit, ...]
    claim: Finding | None = None


class Outcomes:
    """What became of each execution.

    Every method that is no coroutine returns at once, and works in the background in the order of the calls; an empty
    id is nobody's, and is left out.
    """

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._watcher: Watcher | None = None
        self._work: asyncio.Queue[Callable[[Watcher], Awaitable[None]]] = asyncio.Queue()
        self._working: asyncio.Task[None] | None = None
        self._offers: dict[str, int] = {}
        self._answer: tuple[str, str, float] = ("", "", 0.0)

    def answered(self, execution_id: UUID | str, uri: str) -> None:
        """A person who asked about this document has the answer, and may rate it."""
        self._answer = str(execution_id), uri, time.monotonic() + _RATED_SECONDS

    def answer_about(self, uri: str) -> str:
        """Id of the execution that a person asked for about this document a moment ago; empty once it is rated."""
        execution_id, about, until = self._answer
        return execution_id if about == uri and time.monotonic() < until else ""

    def shown(self, execution_id: UUID | str) -> None:
        """A text or a finding of this execution stands before the person."""
        self._tell(execution_id, lambda watcher, known: watcher.shown(known))

    def applied(
        self, execution_id: UUID | str, before: Document, edits: Iterable[Edit], claim: Finding | None = None
    ) -> None:
        """The editor has applied these edits to this document, or the person has accepted this completion.

        They mend ``claim``, so that what a model said of it was good too.
        """
        change = Change(before, tuple(edits), claim)
        self._tell(execution_id, lambda watcher, known: watcher.applied(known, change))

    def offered(
        self, execution_id: UUID | str, before: Document, edits: Iterable[Edit], claim: Finding | None = None
    ) -> None:
        """The editor has these edits of this document, such as from ``codeAction/resolve``, and may apply them."""
        change = Change(before, tuple(edits), claim)
        if execution_id and change.edits:
            self._offers[before.uri] = _MOST_OFFERS
            self._tell(execution_id, lambda watcher, known: watcher.offered(known, change))

    def rejected(self, execution_id: UUID | str, reason: str = "") -> None:
        """The person wants nothing of it."""
        self._tell(execution_id, lambda watcher, known: watcher.rejected(known, reason))

    def judged(self, rule: str, confidence: Confidence, *, accepted: bool) -> None:
        """A model's claim was fixed or confirmed, or else dismissed; ``confidence`` as the model gave it."""
        self._do(lambda watcher: watcher.judged(rule, confidence, accepted=accepted))

    async def rate(self, execution_id: UUID, rating: int, text: str = "") -> bool:
        """Rate an answer from 1 to 5; False where nothing is kept of it.

        Raises a CodeTuneError where who keeps it cannot be asked.
        """
        watcher = await self._loaded()
        known = await watcher.rate(execution_id, rating, text)
        if self._answer[0] == str(execution_id):
            self._answer = ("", "", 0.0)
        return known

    def changed(self, uri: str) -> None:
        """A document has another text: a look at it only where the editor has an edit of it that it may apply."""
        left = self._offers.pop(uri, 0)
        document = self._surroundings.text(uri) if left else None
        if document:
            if left > 1:
                self._offers[uri] = left - 1
            self._do(lambda watcher: watcher.changed(document))

    def saved(self, uri: str) -> None:
        """A document was saved, and may have been committed before."""
        if self._working:
            self._do(lambda watcher: watcher.saved(uri))

    def closed(self, uri: str) -> None:
        """A document is not open any more."""
        self._offers.pop(uri, None)
        if self._working:
            self._do(lambda watcher: watcher.closed(uri))

    async def settled(self) -> None:
        """Wait until all that was told so far is noted, and sent where it can be."""
        await self._work.join()
        if self._watcher:
            await self._watcher.sent()

    async def aclose(self) -> None:
        """Look once more and send what is known, in the little time that there is."""
        if self._watcher is None and self._working is None:
            return
        try:
            async with asyncio.timeout(_LAST_SECONDS):
                self._do(lambda watcher: watcher.ended())
                await self.settled()
        except TimeoutError:
            logger.info("not every outcome could be sent")
        if self._working:
            self._working.cancel()
        if self._watcher:
            await self._watcher.aclose()

    def _tell(self, execution_id: UUID | str, work: "Callable[[Watcher, UUID], Awaitable[None]]") -> None:
        if execution_id:
            self._do(lambda watcher: work(watcher, UUID(str(execution_id))))

    def _do(self, work: "Callable[[Watcher], Awaitable[None]]") -> None:
        self._work.put_nowait(work)
        if self._working is None:
            self._working = asyncio.create_task(self._works())

    async def _works(self) -> None:
        while True:
            work = await self._work.get()
            try:
                await work(await self._loaded())
            except Exception as error:
                logger.warning("an outcome was not noted: %s", type(error).__name__)
                logger.debug("an outcome was not noted", exc_info=error)
            finally:
                self._work.task_done()

    async def _loaded(self) -> "Watcher":
        if self._watcher is None:
            make = await asyncio.to_thread(imports.watcher)
            self._watcher = self._watcher or make(self._surroundings, self._do)
        return self._watcher
