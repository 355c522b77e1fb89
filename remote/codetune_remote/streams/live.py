"""An execution that runs, or whose events can still be read."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from uuid import UUID

from codetune_core.domain.execution import ErrorKind, ExecutionRequest
from codetune_core.errors import EngineTimeout, ExecutionCancelled, ExecutionError
from codetune_core.execution.events import Event, Failed
from codetune_core.execution.protocol import Executor
from codetune_core.execution.wire import ExecuteBody
from codetune_remote.admission.gate import Ticket
from codetune_remote.streams.figures import Figures
from codetune_remote.streams.log import EventLog


@dataclass(frozen=True, slots=True)
class Owner:
    """Who may read and cancel an execution."""

    user_id: str
    tenant: str


@dataclass(eq=False)
class Live:
    """One execution: a task that writes its events into a log, whoever reads them.

    Attributes:
        body: what was asked; None once it has ended.
        resumable: readers may be away for a while.
        readers: how many connections read now.
        away: ends it, where no reader comes back.
    """

    id: UUID
    owner: Owner
    body: ExecuteBody | None
    figures: Figures
    log: EventLog = field(default_factory=EventLog)
    resumable: bool = False
    readers: int = 0
    away: asyncio.TimerHandle | None = None
    _task: asyncio.Task[None] | None = None
    _stopped: ExecutionError | None = None
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(
        self, executor: Executor, request: ExecutionRequest, ticket: Ticket, seconds: float
    ) -> asyncio.Task[None]:
        """Run it, once it is its turn, for so long at most; the ticket is left when it has ended."""
        task = self._task = asyncio.create_task(self._run(executor, request, ticket, seconds))
        # Not at the task's own end: one that is cancelled before its first step never gets there.
        task.add_done_callback(lambda _: self._end(ticket))
        return task

    def stop(self, because: str) -> None:
        """End it; who still reads is told why, and so is the record."""
        self._stop(ExecutionCancelled(because))

    async def ended(self) -> None:
        """Wait until it has ended and is recorded."""
        await self._ended.wait()

    def _stop(self, error: ExecutionError) -> None:
        if self._task is not None and not self._task.done() and not self._stopped:
            self._stopped = error
            self._task.cancel(error)

    async def _run(self, executor: Executor, request: ExecutionRequest, ticket: Ticket, seconds: float) -> None:
        late = EngineTimeout(f"it took longer than {seconds:g} s, waiting included")
        limit = asyncio.get_running_loop().call_later(seconds, self._stop, late)
        try:
            async with ticket:
                self.figures.queue_seconds = ticket.queue_seconds
                async with aclosing(executor.execute(request)) as events:
                    async for event in events:
                        self._note(event)
        except EngineTimeout as error:
            self._note(_failed(error))
        finally:
            limit.cancel()

    def _note(self, event: Event) -> None:
        if self.log.last is None:
            self.figures.note(event)
            self.log.add(event)

    def _end(self, ticket: Ticket) -> None:
        ticket.leave()
        if self._task is not None and not self._task.cancelled() and self._task.exception():
            self._note(Failed(kind=ErrorKind.INTERNAL, message="an unexpected error: the service's log says where"))
        self._note(_failed(self._stopped or ExecutionCancelled("it was stopped")))
        self.body = None
        self.log.close()
        self._task = None  # a cancelled one holds frames that hold this: only a rare collection would find the circle
        self._ended.set()


def _failed(error: ExecutionError) -> Failed:
    return Failed(kind=ErrorKind(error.kind), message=str(error))
