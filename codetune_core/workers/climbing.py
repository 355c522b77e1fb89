"""One climb in a worker: the ladder runs here, and the model's answers come from the owner over the pipe."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence

from codetune_core.bootstrap.workbench import Workbench
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding, SuppressionKind
from codetune_core.domain.text import Edit, Range
from codetune_core.errors import CodeTuneError
from codetune_core.findings.suppress import suppress
from codetune_core.fixes.ladder.climb import Means, climb
from codetune_core.fixes.ladder.interpreter import interpreter_of
from codetune_core.fixes.ladder.request import Request
from codetune_core.fixes.ladder.result import Climbed, Refused, Rung
from codetune_core.fixes.ladder.running import Limits
from codetune_core.mending.enclosing import around
from codetune_core.mending.proposal import Proposal
from codetune_core.mending.quoting import edits_of
from codetune_core.reviewer import Reviewer
from codetune_core.workers.messages import ClimbTask, Supply, Trying, Wanted

_MEGABYTE = 10**6
_SETTING = SuppressionKind.SETTING


class Climbing:
    """A climb that tells its owner what it wants and how far it is."""

    def __init__(self, task: ClimbTask, workbench: Workbench) -> None:
        self._task = task
        self._workbench = workbench
        self._wanted: dict[int, asyncio.Future[Proposal]] = {}
        self._said: asyncio.Queue[Wanted | Trying | None] = asyncio.Queue()

    async def parts(self) -> AsyncGenerator[Wanted | Trying | Climbed]:
        """Yield what is wanted and tried, and last what became of it; closing it ends the programs that run."""
        work = asyncio.create_task(self._climb())
        work.add_done_callback(lambda _: self._said.put_nowait(None))
        try:
            while (said := await self._said.get()) is not None:
                yield said
            yield await work
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    def supply(self, supply: Supply) -> None:
        """Take an answer of the model's; one that nobody waits for any more is dropped."""
        waiting = self._wanted.pop(supply.candidate, None)
        if waiting is None or waiting.done():
            return
        if supply.proposal is None:
            waiting.set_exception(CodeTuneError(supply.error))
        else:
            waiting.set_result(supply.proposal)

    async def _climb(self) -> Climbed:
        task, fixes = self._task, self._task.settings.fixes
        request = await asyncio.to_thread(_with_ranges, task.request)
        means = Means(
            self._workbench.checker,
            _Shown(self._workbench.reviewer, task),
            await asyncio.to_thread(interpreter_of, request.root),
            trusted=task.trusted,
            with_tests=fixes.tests,
            limits=Limits(fixes.seconds, fixes.memory_megabytes * _MEGABYTE),
        )

        async def ask(candidate: int, reason: str) -> Sequence[Edit] | Refused:
            proposal = await self._ask(Wanted(candidate, reason, request.ranges))
            return await asyncio.to_thread(edits_of, request.document, request.ranges, proposal)

        def tell(candidate: int, rung: Rung) -> None:
            self._said.put_nowait(Trying(candidate, rung))

        return await climb(request, ask, means, task.candidates, tell)

    async def _ask(self, wanted: Wanted) -> Proposal:
        waiting: asyncio.Future[Proposal] = asyncio.get_running_loop().create_future()
        self._wanted[wanted.candidate] = waiting
        self._said.put_nowait(wanted)
        return await waiting


class _Shown:
    """Finds what the settings show at the document's path: asserts are no flaw in a test."""

    def __init__(self, reviewer: Reviewer, task: ClimbTask) -> None:
        self._reviewer = reviewer
        self._rules = task.settings.rules
        path, root = task.request.document.path, task.request.root
        self._path = path.relative_to(root).as_posix() if path and root and path.is_relative_to(root) else ""

    async def findings(self, document: Document, also: Iterable[str] = ()) -> tuple[Finding, ...]:
        """What is found, but for what a setting sets aside."""
        found = await self._reviewer.findings(document, also)
        shown, aside = suppress(document, found, self._rules, self._path)
        return (*shown, *(each for each in aside if each.suppression and each.suppression.kind is not _SETTING))


def _with_ranges(request: Request) -> Request:
    if request.ranges or request.finding is None:
        return request
    ranges: tuple[Range, ...] = (around(request.document, request.finding.range),)
    return Request(request.document, ranges, request.finding, request.root)
