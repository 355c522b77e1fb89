"""A connection to a model process: many requests at once, each with its own stream of answers."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import cast

from codetune_core.engines.transformers.frames import Frames, encode
from codetune_core.engines.transformers.host import Host, ModelUnloaded
from codetune_core.engines.transformers.patience import Patience
from codetune_core.engines.transformers.wire import (
    TELLING,
    Asking,
    AskStatus,
    Cancel,
    Embed,
    Embedded,
    Failed,
    Finished,
    Generate,
    LoadFailed,
    Loading,
    Piece,
    Ready,
    Score,
    Scored,
    Status,
    Telling,
    Unload,
    Unloaded,
)
from codetune_core.errors import EngineLost, EngineRefused, EngineTimeout, ExecutionError

_CHUNK = 1 << 16
_ERRORS: dict[str, type[ExecutionError]] = {error.kind: error for error in ExecutionError.__subclasses__()}

Asked = Generate | Embed | Score | AskStatus
Answer = Piece | Finished | Embedded | Scored | Failed | Status
OnProgress = Callable[[Loading], None]
_Answers = asyncio.Queue[Answer | None]


class Connection:
    """Speaks with one model process, on one event loop.

    Every method raises EngineLost where the process dies, and EngineTimeout where it is silent for too long; one that
    hangs is killed.

    Attributes:
        lost: why nothing can be asked any more; None while it can.
    """

    def __init__(
        self, host: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: Patience
    ) -> None:
        self.lost: ExecutionError | None = None
        self._host, self._reader, self._writer, self._patience = host, reader, writer, patience
        self._ids = count(1)
        self._answers: dict[int, asyncio.Queue[Answer | None]] = {}
        self._state: Loading | Ready | None = None
        self._moved = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def greeted(self) -> bool:
        """Wait for the process's first word; False where it says none, because it ends, or hangs and is killed."""
        try:
            async with asyncio.timeout(self._patience.status):
                await self._moved.wait()
        except TimeoutError:
            self._host.kill()
        return self._state is not None or isinstance(self.lost, EngineRefused)

    async def ready(self, on_progress: OnProgress | None = None) -> Ready:
        """Wait until the model is loaded; raises EngineRefused where it cannot be."""
        while not isinstance(self._state, Ready):
            self._raise_if_lost()
            self._moved.clear()
            if on_progress and isinstance(self._state, Loading):
                on_progress(self._state)
            try:
                async with asyncio.timeout(self._patience.status):
                    await self._moved.wait()
            except TimeoutError:
                await self.status()  # kills it where it hangs
        return self._state

    async def generate(self, request: Generate) -> AsyncGenerator[Piece | Finished]:
        """Stream an answer; closing the generator cancels it."""
        with self._ask(request) as answers:
            answer = await self._next(answers, self._patience.first_token)
            while isinstance(answer, Piece):
                yield answer
                answer = await self._next(answers, self._patience.gap)
            yield cast("Finished", answer)

    async def embed(self, request: Embed) -> Embedded:
        """Make vectors."""
        with self._ask(request) as answers:
            return cast("Embedded", await self._next(answers, self._patience.first_token))

    async def score(self, request: Score) -> Scored:
        """Say how well texts answer a query."""
        with self._ask(request) as answers:
            return cast("Scored", await self._next(answers, self._patience.first_token))

    async def status(self) -> Status:
        """Ask what runs: a process that does not say at once hangs, and is killed."""
        with self._ask(AskStatus(id=0)) as answers:
            try:
                async with asyncio.timeout(self._patience.status):
                    return cast("Status", await self._get(answers))
            except TimeoutError:
                self._kill(EngineTimeout(f"the model process of {self._host.model} hung and was killed; ask again"))
                raise self._error() from None

    def unload(self, *, if_idle: bool = False) -> None:
        """Tell the process to end."""
        self._send(Unload(if_idle=if_idle))

    async def aclose(self) -> None:
        """Hang up, which cancels what was asked here."""
        self._lose(EngineLost("the connection to the model process was closed"))
        self._reading.cancel()
        self._writer.transport.abort()
        await asyncio.wait([self._reading])

    @contextmanager
    def _ask(self, request: Asked) -> Iterator[_Answers]:
        number = next(self._ids)
        answers = self._answers[number] = asyncio.Queue()
        self._send(request.model_copy(update={"id": number}))
        try:
            yield answers
        finally:
            if self._answers.pop(number, None) and not self.lost:
                self._send(Cancel(id=number))

    async def _next(self, answers: _Answers, seconds: float) -> Answer:
        """Return the next answer; raises EngineTimeout after these seconds, and what Failed says."""
        try:
            async with asyncio.timeout(seconds if answers.empty() else None):
                answer = await self._get(answers)
        except TimeoutError:
            raise await self._late(seconds) from None
        if isinstance(answer, Failed):
            raise _ERRORS.get(answer.kind, ExecutionError)(answer.message)
        return answer

    async def _get(self, answers: _Answers) -> Answer:
        answer = await answers.get()
        if answer is None:
            raise self._error()
        return answer

    async def _late(self, seconds: float) -> EngineTimeout:
        status = await self.status()
        model = self._host.model
        if status.step_seconds < self._patience.step:
            return EngineTimeout(f"{model} gave no token for {seconds:g} seconds, while {status.running} requests ran")
        error = EngineTimeout(f"{model} was stuck for {status.step_seconds:.0f} seconds and was killed; ask again")
        self._kill(error)
        return error

    async def _read(self) -> None:
        frames = Frames()
        try:
            while data := await self._reader.read(_CHUNK):
                for frame in frames.feed(data):
                    self._told(TELLING.validate_json(frame))
        except OSError:  # it died while something was written to it
            pass
        except ValueError as error:
            self._lose(EngineLost(f"the model process of {self._host.model} cannot be understood: {error}"))
        if not self.lost:
            self._lose(await self._host.end())
        self._writer.close()

    def _told(self, frame: Telling) -> None:
        match frame:
            case Loading() | Ready():
                self._state = frame
                self._moved.set()
            case LoadFailed():
                self._lose(EngineRefused(frame.message))
            case Unloaded():
                self._lose(ModelUnloaded(f"{self._host.model} was unloaded"))
            case Piece():
                if answers := self._answers.get(frame.id):
                    answers.put_nowait(frame)
            case _:
                if answers := self._answers.pop(frame.id, None):
                    answers.put_nowait(frame)

    def _send(self, frame: Asking) -> None:
        self._raise_if_lost()
        self._writer.write(encode(frame))

    def _raise_if_lost(self) -> None:
        if self.lost:
            raise self._error()

    def _error(self) -> ExecutionError:
        lost = self.lost or EngineLost("the connection to the model process is lost")
        return type(lost)(*lost.args)

    def _kill(self, error: ExecutionError) -> None:
        self._host.kill()
        self._lose(error)

    def _lose(self, error: ExecutionError) -> None:
        """Nothing more is to be had here: all who wait are told why."""
        self.lost = self.lost or error
        self._moved.set()
        for answers in self._answers.values():
            answers.put_nowait(None)
        self._answers.clear()
