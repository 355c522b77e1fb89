"""What the handlers of the protocol's methods ask: the session, the scheduler and, once it is loaded, the service."""

import asyncio
import gc
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types

from codetune_core.domain.document import Document
from codetune_core.domain.review import Notice, Stage
from codetune_core.domain.text import Encoding
from codetune_server import imports
from codetune_server.client import Client
from codetune_server.folders import Folder
from codetune_server.language_server import CodeTuneServer
from codetune_server.mending.latency import Latency
from codetune_server.outcomes.outcomes import Outcomes, Surroundings
from codetune_server.pages.hovered import Answers
from codetune_server.pages.store import Pages
from codetune_server.scheduler import Scheduler
from codetune_server.session import Session
from codetune_server.status.board import Board
from codetune_server.status.loading import LoadWatch
from codetune_server.told import Told

if TYPE_CHECKING:
    from codetune_core.execution.protocol import Executor
    from codetune_server.completing.service import Completing
    from codetune_server.judging.judge import Judge
    from codetune_server.prompt_runs import PromptRuns
    from codetune_server.prompted.catalogue import Catalogue
    from codetune_server.review_service import Configuration, ReviewService
    from codetune_server.workspace_review import WorkspaceReview

logger = logging.getLogger(__name__)
_REFRESH_SECONDS = 0.1
T = TypeVar("T")


class Backend:
    """Everything behind one editor's connection."""

    def __init__(self, server: CodeTuneServer) -> None:
        self.server = server
        self.session = Session(self, server.documents, server.notebooks)
        self.scheduler = Scheduler(self._review)
        self.announce: Callable[[str, Stage], None] = lambda _uri, _stage: None
        """Told of every document that has new findings; set by the feature that publishes them."""
        self.status = Board()
        """How it stands with who answers."""
        self._loads = LoadWatch(self.status)
        self.pages = Pages()
        """What the editor reads from the server."""
        self.answers = Answers()
        """What stands in hovers, for an editor that opens no page."""
        self.configuration: Configuration = _nothing
        """Asks the editor for its settings; set by the feature that does."""
        self.refused: Callable[[Folder, Sequence[Notice]], None] = lambda _folder, _notices: None
        """Told what a workspace sets that is not used, because it is not trusted; set by the feature that asks."""
        self._workspace: WorkspaceReview | None = None
        self.shows_lenses = False
        """Whether the editor was ever given any."""
        self.workspace_changed = asyncio.Event()
        """Set, and replaced, when findings or settings change."""
        self._pulled: Counter[str] = Counter()
        self._refreshing: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._service: asyncio.Task[ReviewService] | None = None
        self._prompt_runs: PromptRuns | None = None
        self.catalogue: Catalogue | None = None
        """Which prompts are offered; None until something was learnt of them."""
        self.judging: Judge | None = None
        """What has models review; None until it is first asked for."""
        self._completing: Completing | None = None
        self.fix_latency = Latency()
        """Of a model's fixes."""
        self.outcomes = Outcomes(Surroundings(self._records_outcomes, self._text, self._executor))
        """Is told what becomes of the models' answers."""
        server.add_cleanup(self.aclose)

    @contextmanager
    def pulling(self, key: str) -> Iterator[None]:
        """Note, while the block runs, that the editor waits for a document's diagnostics."""
        self._pulled[key] += 1
        try:
            yield
        finally:
            self._pulled[key] -= 1
            self._pulled += Counter()  # drops what is zero

    def is_pulled(self, key: str) -> bool:
        """Say whether the editor waits for a document's diagnostics."""
        return self._pulled[key] > 0

    def refresh_diagnostics(self) -> None:
        """Ask the editor, where it can, to pull diagnostics again; several wishes in a short time become one."""
        if self.client.refreshes_diagnostics and self._refreshing is None:
            self._refreshing = asyncio.get_running_loop().call_later(_REFRESH_SECONDS, self._refresh)

    def refresh_lenses(self) -> None:
        """Ask the editor, where it can and shows any, to ask for lenses again."""
        if self.client.refreshes_lenses and self.shows_lenses:
            self.in_background(self.server.ask(self.server.workspace_code_lens_refresh_async(None)))

    def _refresh(self) -> None:
        self._refreshing = None
        self.in_background(self.server.ask(self.server.workspace_diagnostic_refresh_async(None)))

    def in_background(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run something that ends with the server."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.warning("work in the background failed: %s", type(error).__name__)

    @property
    def client(self) -> Client:
        """What the editor can do."""
        return self.session.client

    @property
    def encoding(self) -> Encoding:
        """How the editor counts columns."""
        return self.session.documents.encoding

    async def service(self) -> "ReviewService":
        """What reviews; imported, in a thread, when it is first asked for, so that the server starts fast."""
        if self._service is None:
            self._service = asyncio.create_task(self._load())
        return await asyncio.shield(self._service)

    async def workspace(self) -> "WorkspaceReview":
        """What reviews the files that are not open."""
        if self._workspace is None:
            make, service = await asyncio.to_thread(imports.workspace_review), await self.service()
            self._workspace = self._workspace or make(self.session, service)
        return self._workspace

    async def prompt_runs(self) -> "PromptRuns":
        """What runs prompts; imported, in a thread, when it is first asked for, as it takes 12 MB."""
        if self._prompt_runs is None:
            make = await asyncio.to_thread(imports.prompt_runs)
            self._prompt_runs = self._prompt_runs or make(self.log, self.status, self._loads)
        return self._prompt_runs

    async def judge(self) -> "Judge":
        """What has models review; imported, in a thread, when it is first asked for."""
        if self.judging is None:
            make, service = await asyncio.to_thread(imports.judge), await self.service()
            executor = await self._executor()
            self.judging = self.judging or make(self, service, executor)
        return self.judging

    async def completing(self) -> "Completing":
        """What completes; imported, in a thread, when it is first asked for."""
        if self._completing is None:
            make, service = await asyncio.to_thread(imports.completing), await self.service()
            self._completing = self._completing or make(self.session, service, self._executor)
        return self._completing

    async def _executor(self) -> "Executor":
        return (await self.prompt_runs()).executor

    async def learn_prompts(self) -> "Catalogue":
        """Begin to learn which prompts are offered, where nobody has; what does that is imported in a thread."""
        if self.catalogue is None:
            make = await asyncio.to_thread(imports.catalogue)
            self.catalogue = self.catalogue or make(self.status, self._loads)
        self.catalogue.refresh()
        return self.catalogue

    def changed(self) -> None:
        """Let those go on that wait for findings or settings to change."""
        self.workspace_changed.set()
        self.workspace_changed = asyncio.Event()

    def warn(self, text: str) -> None:
        """Tell the person at the editor where it is seen."""
        self.server.window_show_message(types.ShowMessageParams(types.MessageType.Warning, text))

    def log(self, text: str) -> None:
        """Tell the person at the editor where it can be looked up."""
        self.server.window_log_message(types.LogMessageParams(types.MessageType.Info, text))

    async def aclose(self) -> None:
        """Stop what runs and end the workers; what cannot be ended keeps nothing else from being."""
        if self._refreshing:
            self._refreshing.cancel()
        for task in self._tasks:
            task.cancel()
        parts = (self._completing, self.judging, self._loads, self.outcomes, self.catalogue, self._prompt_runs)
        for end in (self.scheduler.aclose, *(part.aclose for part in parts if part), self._end_service):
            try:
                await end()
            except Exception as error:  # noqa: BLE001 - whatever it is
                logger.warning("clean-up failed: %s", type(error).__name__)

    async def _end_service(self) -> None:
        if self._service:
            await (await self._service).aclose()

    async def _records_outcomes(self) -> bool:
        """Whether every folder of this window lets it be recorded what becomes of answers."""
        service = await self.service()
        holdings = [await service.holding_of(folder) for folder in tuple(self.session.folders) or (None,)]
        return all(holding.settings.outcomes.record for holding in holdings)

    def _text(self, uri: str) -> Document | None:
        subject = self.session.subject(uri)
        return self.session.documents.snapshot(uri) or (subject.document if subject else None)

    async def _load(self) -> "ReviewService":
        make = await asyncio.to_thread(imports.review_service)
        gc.freeze()  # looking through all that the imports made takes milliseconds
        return make(self.session, self.configuration, self.announce)

    async def _review(self, uri: str, thorough: bool) -> AsyncGenerator[Stage]:  # noqa: FBT001 - the scheduler's signature
        service = await self.service()
        async with aclosing(service.review(uri, thorough)) as stages:
            async for stage in stages:
                yield stage


async def _nothing(_folder: Folder | None) -> Told:
    return Told()
