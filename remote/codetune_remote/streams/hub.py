"""All executions of this process: each runs once, is read by whoever may, and is kept for a while."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

from codetune_core.domain.execution import ExecutionRequest
from codetune_core.domain.faults import log_fault
from codetune_core.execution.protocol import Executor
from codetune_core.execution.wire import ExecuteBody
from codetune_core.service_sections import ServeSettings
from codetune_remote.admission.gate import Ticket
from codetune_remote.streams.figures import Figures, Observer, log_figures
from codetune_remote.streams.live import Live, Owner
from codetune_remote.streams.send import Pace

MOST_KEPT = 1000
MOST_KEPT_BYTES = 64_000_000
"""Of ended executions, so many at most; those that ended first go first."""
_FLUSH_SECONDS = 2
_NOBODY_WAITS = "nobody waits for it any more"
_ENDS = "the service is about to end: ask again"
_LOG = logging.getLogger(__name__)


class Hub:
    """Runs executions on behalf of connections that come and go.

    What nobody reads any more is stopped at once, or, where its client said that it may come back, when it did not for
    ``serve.resume_seconds``; events are kept as long after the end. ``executor`` is asked for when it is first needed.

    Attributes:
        observers: told of each execution that has ended.
        pace: how events are written to those who read them.
    """

    def __init__(
        self,
        executor: Callable[[], Executor],
        settings: ServeSettings,
        most_kept: int = MOST_KEPT,
        most_kept_bytes: int = MOST_KEPT_BYTES,
    ) -> None:
        self.observers: list[Observer] = [log_figures]
        self.pace = Pace()
        self._executor = executor
        self._settings = settings
        self._most_kept = most_kept
        self._most_kept_bytes = most_kept_bytes
        self._known: dict[UUID, Live] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._kept: OrderedDict[Live, float] = OrderedDict()
        self._forgetting: asyncio.TimerHandle | None = None
        self._kept_bytes = 0
        self._readers = 0
        self._nobody_reads = asyncio.Event()
        self._nobody_reads.set()

    def __len__(self) -> int:
        return len(self._known)

    @property
    def running(self) -> int:
        """How many run or wait for their turn."""
        return len(self._tasks)

    @property
    def readers(self) -> int:
        """How many connections read."""
        return self._readers

    def get(self, execution_id: UUID) -> Live | None:
        """Return an execution that runs or is kept."""
        return self._known.get(execution_id)

    def start(self, request: ExecutionRequest, body: ExecuteBody, ticket: Ticket) -> Live:
        """Run a request, whose id nothing bears that is known here; the ticket is left when it ends.

        Raises SettingsError where nothing can run it; the ticket stays then.
        """
        executor = self._executor()
        if request.id is None or request.id in self._known:
            raise ValueError("an execution needs an id of its own")
        owner, figures = Owner(request.user_id, request.tenant), Figures(request.task, request.priority)
        live = self._known[request.id] = Live(request.id, owner, body, figures)
        task = live.begin(executor, request, ticket, self._settings.execution_seconds)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(live, done))
        return live

    @contextmanager
    def reading(self, live: Live, *, resumable: bool = False) -> Iterator[None]:
        """Count a connection among those that wait for an execution."""
        live.resumable |= resumable
        live.readers += 1
        self._readers += 1
        self._nobody_reads.clear()
        if live.away is not None:
            live.away.cancel()
            live.away = None
        try:
            yield
        finally:
            live.readers -= 1
            self._readers -= 1
            if not self._readers:
                self._nobody_reads.set()
            if not live.readers and live.log.last is None:
                self._left(live)

    async def drain(self, seconds: float) -> None:
        """Wait for what runs, stop what takes longer than that, and let its readers have the last event."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        await self._stop_all()
        try:
            async with asyncio.timeout(_FLUSH_SECONDS):
                await self._nobody_reads.wait()
        except TimeoutError:
            _LOG.info("%d connections did not read to the end", self._readers)

    async def aclose(self) -> None:
        """Stop what runs, and forget all."""
        await self._stop_all()
        for live in list(self._kept):
            self._forget(live)
        if self._forgetting is not None:
            self._forgetting.cancel()

    async def _stop_all(self) -> None:
        for live in list(self._known.values()):
            live.stop(_ENDS)
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _left(self, live: Live) -> None:
        if not live.resumable:
            live.stop(_NOBODY_WAITS)
            return
        loop = asyncio.get_running_loop()
        live.away = loop.call_later(self._settings.resume_seconds, live.stop, _NOBODY_WAITS)

    def _ended(self, live: Live, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if live.away is not None:
            live.away.cancel()
        if not task.cancelled() and (error := task.exception()):
            log_fault(_LOG, f"execution {live.id} failed outside the executor", error)
        self._keep(live)
        # Its readers, who wait for the end, go first.
        asyncio.get_running_loop().call_soon(self._tell, live.figures)

    def _tell(self, figures: Figures) -> None:
        for observer in self.observers:
            observer(figures)

    def _keep(self, live: Live) -> None:
        self._kept[live] = asyncio.get_running_loop().time() + self._settings.resume_seconds
        self._kept_bytes += live.log.bytes
        while len(self._kept) > self._most_kept or self._kept_bytes > self._most_kept_bytes:
            self._forget(next(iter(self._kept)))
        if self._forgetting is None:
            self._forget_due()

    def _forget_due(self) -> None:
        """Forget those that were kept long enough; all are for equally long, so one timer does."""
        loop = asyncio.get_running_loop()
        self._forgetting = None
        while self._kept:
            live, until = next(iter(self._kept.items()))
            if until > loop.time():
                self._forgetting = loop.call_at(until, self._forget_due)
                return
            self._forget(live)

    def _forget(self, live: Live) -> None:
        del self._kept[live]
        self._kept_bytes -= live.log.bytes
        del self._known[live.id]
