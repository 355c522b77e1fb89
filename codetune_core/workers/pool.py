"""Worker processes, started when first needed and replaced when they die or a detector hangs in them."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import cast

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding
from codetune_core.domain.fix import FixedAll
from codetune_core.domain.review import TIMED_OUT, Review
from codetune_core.domain.text import Range
from codetune_core.errors import WorkerLost, WorkerSilent
from codetune_core.fixes.ladder.result import Climbed
from codetune_core.model_reviewer.anchoring import Quoted
from codetune_core.model_reviewer.reading import Reading
from codetune_core.settings import Settings
from codetune_core.workers.messages import (
    AnchorTask,
    ByDetectors,
    ClimbTask,
    DescribeTask,
    DetectorState,
    FixAllTask,
    ReadTask,
    ReviewTask,
    SetAsideTask,
    Task,
    Trying,
)
from codetune_core.workers.process import WorkerProcess
from codetune_core.workers.supplies import Supplier

_STRIKES = 2
"""A detector that hung this often is left out until a restart."""
_MOST_RUNS = 8
"""Of programs in one climb: three tools and the tests, each on the text before and after."""
_PATIENCE_SECONDS = 30.0


class Pool:
    """Up to ``size`` workers; a task goes to the one that holds the fewest.

    Workers in the background leave the processor to whoever else wants it. Where that leaves them too little to answer
    in time, what they were asked is done again by an ordinary worker, and so is all that comes later.
    """

    def __init__(self, size: int = 1, *, background: bool = False) -> None:
        self._size = size
        self._background = background
        self._workers: list[WorkerProcess] = []
        self._starting = asyncio.Lock()
        self._retired: list[WorkerProcess] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._strikes: Counter[str] = Counter()

    async def review(self, task: ReviewTask) -> AsyncGenerator[Review]:
        """Yield the growing review; raises WorkerLost where two workers in turn died over it."""
        async with aclosing(self._ask(task)) as answer:
            async for value in answer:
                yield cast("Review", value)

    async def fix_all(self, document: Document, findings: tuple[Finding, ...], settings: Settings) -> FixedAll:
        """Fix these findings of a document together."""
        return cast("FixedAll", await self._only(FixAllTask(document, findings, settings)))

    async def climb(self, task: ClimbTask, supplier: Supplier) -> AsyncGenerator[Trying | Climbed]:
        """Have what ``supplier`` brings climb the ladder: yield what is tried, and last what became of it.

        Raises CodeTuneError where nothing can be checked or no candidate was to be had, and what the supplier raises
        besides.
        """
        async with aclosing(self._ask(task, supplier)) as answer:
            async for value in answer:
                yield cast("Trying | Climbed", value)

    async def describe(self, settings: Settings) -> list[DetectorState]:
        """Say which detectors run."""
        return cast("list[DetectorState]", await self._only(DescribeTask(settings)))

    async def set_aside(self, task: SetAsideTask) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
        """Part findings into those shown and those that comments and settings set aside."""
        return cast("tuple[tuple[Finding, ...], tuple[Finding, ...]]", await self._only(task))

    async def read(self, document: Document) -> Reading:
        """Cut a document into what a model is asked about."""
        return cast("Reading", await self._only(ReadTask(document)))

    async def anchor(self, document: Document, quotes: Sequence[Quoted]) -> list[Range | None]:
        """Find what a model quotes, None where it is not found or not unique."""
        return cast("list[Range | None]", await self._only(AnchorTask(document, tuple(quotes))))

    async def restart(self) -> None:
        """Replace every worker and give detectors that hung another chance."""
        self._strikes.clear()
        for worker in (*self._workers, *self._retired):
            worker.kill()
        await self.aclose()

    async def aclose(self) -> None:
        """End every worker."""
        workers = [*self._workers, *self._retired]
        self._workers, self._retired = [], []
        await asyncio.gather(*self._ending, *(worker.aclose() for worker in workers))

    async def _only(self, task: Task) -> object:
        async with aclosing(self._ask(task)) as answer:
            async for value in answer:
                return value
        raise WorkerLost("the review worker gave no answer")

    async def _ask(self, task: Task, supplier: Supplier | None = None) -> AsyncGenerator[object]:
        """Ask a worker, and a second one where the first died over the task or, in the background, starved."""
        if isinstance(task, ByDetectors):
            task = self._without_hung(task)
        for last_try in (False, True):
            worker = await self._worker()
            try:
                async with aclosing(worker.ask(task, _patience(task, worker), supplier)) as answer:
                    async for value in answer:
                        self._judge(worker, value)
                        yield value
            except WorkerLost as lost:
                if isinstance(lost, WorkerSilent):
                    self._background = False
                if last_try:
                    raise
            else:
                return
            finally:
                self._sweep()

    async def _worker(self) -> WorkerProcess:
        async with self._starting:
            self._sweep()
            idle = min(self._workers, key=lambda worker: worker.load, default=None)
            if idle is None or (idle.load and len(self._workers) < self._size):
                idle = await WorkerProcess.start(background=self._background)
                self._workers.append(idle)
            return idle

    def _judge(self, worker: WorkerProcess, value: object) -> None:
        """A detector that did not answer may hang in its worker for ever: replace the worker.

        Raises WorkerSilent for one in the background: it may have waited for the processor.
        """
        slow = (
            [notice.key for notice in value.notices if notice.key.startswith(TIMED_OUT)]
            if isinstance(value, Review)
            else []
        )
        if slow and worker in self._workers:
            self._workers.remove(worker)
            self._retired.append(worker)
            self._strikes.update(key.removeprefix(TIMED_OUT) for key in slow if not worker.background)
        if slow and worker.background:
            raise WorkerSilent("the review worker was given too little of the processor")

    def _sweep(self) -> None:
        """End retired workers that hold nothing any more, and forget dead ones."""
        self._workers = [worker for worker in self._workers if worker.alive]
        for worker in [worker for worker in self._retired if not worker.load]:
            self._retired.remove(worker)
            worker.kill()
            ending = asyncio.create_task(worker.aclose())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)

    def _without_hung(self, task: ByDetectors) -> ByDetectors:
        hung = tuple(name for name, strikes in self._strikes.items() if strikes >= _STRIKES)
        if not hung:
            return task
        detectors = task.settings.detectors
        quiet = detectors.model_copy(update={"disabled": (*detectors.disabled, *hung)})
        return replace(task, settings=task.settings.model_copy(update={"detectors": quiet}))


def _patience(task: Task, worker: WorkerProcess) -> float:
    """Seconds of silence that no healthy worker needs, and none in the background that is given the processor."""
    if not isinstance(task, ByDetectors):
        return _PATIENCE_SECONDS
    detectors = task.settings.detectors
    tools = max((tool.timeout_seconds for tool in detectors.sarif.values()), default=0.0)
    if worker.background:
        return detectors.timeout_seconds + tools
    runs = _MOST_RUNS * task.candidates * task.settings.fixes.seconds if isinstance(task, ClimbTask) else 0
    return _PATIENCE_SECONDS + 3 * detectors.timeout_seconds + tools + runs
