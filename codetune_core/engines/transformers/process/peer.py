"""One connection to a model process, seen from inside: what is asked over it, and what it is told."""

import asyncio
from collections import deque
from collections.abc import Callable

from pydantic import BaseModel

from codetune_core.domain.execution import ErrorKind
from codetune_core.engines.transformers.frames import encode
from codetune_core.engines.transformers.process.job import Answer, Job, Request
from codetune_core.engines.transformers.wire import Failed, Piece

_LARGEST_BACKLOG = 64 * 1024 * 1024
"""Bytes that may wait for a reader; one that takes none is hung up on, so that it holds up nobody else."""


class Peer:
    """A connection.

    Attributes:
        jobs: what it asked and has no last answer to, by id.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.jobs: dict[int, Job] = {}
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._outbox: deque[BaseModel] = deque()
        self._flushing = False
        self._left = asyncio.Event()

    def ask(self, request: Request, start: Callable[[Request, Callable[[Answer], None]], Job]) -> None:
        """Start a request; raises ValueError where one of that id runs."""
        if request.id in self.jobs:
            raise ValueError(f"two requests of the id {request.id}")
        self.jobs[request.id] = start(request, self._answer)

    def cancel(self, number: int) -> None:
        """Cancel a request, where it runs still."""
        if job := self.jobs.get(number):
            job.cancelled.set()

    def lose(self, begun: Callable[[Job], bool], message: str) -> None:
        """Fail what was begun, for the process ends."""
        for number, job in [each for each in self.jobs.items() if begun(each[1])]:
            job.cancelled.set()
            self._answer(Failed(id=number, kind=ErrorKind.ENGINE_LOST, message=message))

    def tell(self, frame: BaseModel) -> None:
        """Send a frame; called from any thread. What is told together goes out in one write."""
        self._outbox.append(frame)
        if not (self._flushing or self._left.is_set()):
            self._flushing = True
            self._loop.call_soon_threadsafe(self.flush)

    def flush(self) -> None:
        """Write all that was told; called on the thread of the loop."""
        self._flushing = False
        told = bytearray()
        while self._outbox:
            told += encode(self._outbox.popleft())
        if self._writer.is_closing():
            return
        self._writer.write(told)
        if self._writer.transport.get_write_buffer_size() > _LARGEST_BACKLOG:
            self._writer.transport.abort()

    def hang_up(self) -> None:
        """Cancel what runs: nobody is there any more who wants it."""
        for job in tuple(self.jobs.values()):
            job.cancelled.set()
        self._left.set()
        self._writer.transport.abort()

    async def aclose(self) -> None:
        """Send what was told, and wait until the other side hangs up: what it still sends must not break the line."""
        self.flush()
        self._writer.write_eof()
        await self._left.wait()

    def _answer(self, answer: Answer) -> None:
        if not isinstance(answer, Piece):
            self.jobs.pop(answer.id, None)
        self.tell(answer)
