"""One worker process, seen from its owner."""

import asyncio
import contextlib
import itertools
import sys
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from codetune_core.errors import CodeTuneError, WorkerLost, WorkerSilent
from codetune_core.mending.proposal import Proposal
from codetune_core.workers.messages import (
    BACKGROUND,
    HEADER,
    Ask,
    Cancel,
    End,
    Part,
    Supply,
    Task,
    Wanted,
    pack,
    unpack,
)
from codetune_core.workers.supplies import Supplier, Supplies

_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Supplied:
    """Something was supplied, or what making it raised."""

    error: BaseException | None


async def _nothing(_wanted: Wanted) -> Proposal:
    raise CodeTuneError("nobody supplies this")


class WorkerProcess:
    """A started worker: asks it, listens to it, ends it."""

    def __init__(self, process: asyncio.subprocess.Process, *, background: bool = False) -> None:
        self.background = background
        """Works when nobody else wants the processor."""
        self._process = process
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Queue[Part | End | _Supplied | None]] = {}
        self._listener = asyncio.create_task(self._listen())
        self._killed = False

    @classmethod
    async def start(cls, *, background: bool = False) -> "WorkerProcess":
        """Start a worker with this interpreter; one in the background works when nobody else wants the processor."""
        pipe = asyncio.subprocess.PIPE
        command = [sys.executable, "-X", "utf8", "-m", "codetune_core.workers.worker"]
        command += [BACKGROUND] if background else []
        # A group of its own: Ctrl-C in a terminal is for the owner, who ends its workers.
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, process_group=0)
        return cls(process, background=background)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.returncode is None and not self._listener.done() and not self._killed

    @property
    def load(self) -> int:
        """Number of tasks it holds."""
        return len(self._answers)

    async def ask(self, task: Task, patience: float, supplier: Supplier | None = None) -> AsyncGenerator[object]:
        """Yield the values of the answer; a caller that stops listening cancels the task.

        Args:
            task: what to do.
            patience: seconds without a word after which the worker counts as hung and is killed; while it waits for
                what its owner supplies, it may say nothing for as long as that takes.
            supplier: answers what the worker wants, several at once; cancelled with the task.

        Raises:
            WorkerLost: it died or hung.
            CodeTuneError: it could not do the task.
        """
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.Queue()
        supplies = Supplies(number, supplier or _nothing, self._send, lambda error: answer.put_nowait(_Supplied(error)))
        finished = False
        try:
            self._send(Ask(number, task))
            while not finished:
                try:
                    async with asyncio.timeout(None if supplies.are_awaited else patience):
                        message = await answer.get()
                except TimeoutError:
                    finished = True
                    self.kill()
                    raise WorkerSilent(f"the review worker said nothing for {patience:g} s and was ended") from None
                match message:
                    case Part(value=Wanted() as wanted):
                        supplies.begin(wanted)
                    case Part(value=value):
                        yield value
                    case End(error=error):
                        finished = True
                        if error:
                            raise CodeTuneError(error)
                    case _Supplied(error=BaseException() as fault):
                        raise fault
                    case None:
                        finished = True
                        raise WorkerLost("the review worker ended unexpectedly")
        finally:
            del self._answers[number]
            if not finished:
                self._send(Cancel(number))
            await supplies.aclose()

    def kill(self) -> None:
        """End it at once."""
        self._killed = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def aclose(self) -> None:
        """End it: by closing its input, and where that does not help, by force."""
        if self._process.stdin:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
        await asyncio.gather(self._listener, return_exceptions=True)

    def _send(self, message: Ask | Cancel | Supply) -> None:
        if self._process.stdin and not self._process.stdin.is_closing():
            self._process.stdin.write(pack(message))

    async def _listen(self) -> None:
        output = self._process.stdout
        try:
            while output:
                header = await output.readexactly(HEADER.size)
                message = unpack(await output.readexactly(HEADER.unpack(header)[0]))
                if isinstance(message, Part | End) and message.number in self._answers:
                    self._answers[message.number].put_nowait(message)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for answer in self._answers.values():
                answer.put_nowait(None)
