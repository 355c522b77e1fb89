"""A real worker inside the test's own loop: each message between it and its owner takes as long as the test says."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING

from codetune_core.detectors.ruff_server import Diagnostic, RuffServer
from codetune_core.fixes.ladder.result import Climbed
from codetune_core.workers.messages import HEADER, Ask, ClimbTask, End, Part, unpack
from codetune_core.workers.process import WorkerProcess
from codetune_core.workers.worker import Worker

if TYPE_CHECKING:
    from codetune_core.domain.document import Document


class WorkerHere:
    """What a `WorkerProcess` takes for a process; ``delays`` says how long each of its answers is on the way."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.delays: Iterator[float] = repeat(0.0)
        self._worker = Worker(self)
        self._arrives = 0.0
        self._frames: deque[bytes] = deque()
        self._climbs: dict[int, Document] = {}
        self.stdin, self.stdout = self, asyncio.StreamReader()
        self.returncode: int | None = None
        self.pid = 0
        self.verified: list[str] = []
        """The texts that the ladder has found good, in their order."""

    async def start(self, *, background: bool = False) -> WorkerProcess:
        return WorkerProcess(self)

    def write(self, data: bytes) -> None:
        """Take frames of either side: the owner asks, the worker answers."""
        while data:
            end = HEADER.size + HEADER.unpack(data[: HEADER.size])[0]
            self._carry(data[:end], unpack(data[HEADER.size : end]))
            data = data[end:]

    def _carry(self, frame: bytes, message: object) -> None:
        if isinstance(message, Part | End):
            self._arrives = max(self._arrives, self._loop.time() + next(self.delays))
            self._frames.append(frame)
            self._loop.call_at(self._arrives, self._feed)
            self._note(message)
            return
        if isinstance(message, Ask) and isinstance(message.task, ClimbTask):
            self._climbs[message.number] = message.task.request.document
        self._loop.call_soon(self._worker.receive, message)

    def _note(self, message: Part | End) -> None:
        if isinstance(message, Part) and isinstance(message.value, Climbed) and message.value.best:
            self.verified.append(self._climbs[message.number].edited(message.value.best.edits).text)

    def _feed(self) -> None:
        frame = self._frames.popleft()
        if self.returncode is None:
            self.stdout.feed_data(frame)

    def flush(self) -> None: ...

    def is_closing(self) -> bool:
        return self.returncode is not None

    def close(self) -> None:
        if self.returncode is None:
            self.returncode = 0
            self.stdout.feed_eof()

    kill = close

    async def wait(self) -> int:
        await self._worker.aclose()
        return 0


class RuffBeside:
    """A real ``ruff server`` for some rules that a thread talks to, so that to the test's loop it answers at once."""

    def __init__(self, *codes: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = RuffServer([*codes, "F821"])
        self.ask = cache(self._ask)

    def _ask(self, text: str, suffix: str) -> tuple[Diagnostic, ...]:
        return asyncio.run_coroutine_threadsafe(self._real(self._server, text, suffix), self._loop).result()

    _real: Callable[..., object] = staticmethod(RuffServer.diagnostics)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._server.aclose(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
