"""The thread of torch: it loads a model, then takes jobs in and does them step by step."""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread

from codetune_core.domain.execution import ErrorKind
from codetune_core.engines.transformers.process.job import Answer, Counts, Job, Request, Runner
from codetune_core.engines.transformers.wire import Failed, Piece

_FAILURES = 3
"""Steps in a row that may fail before the runner counts as broken."""

_NO_MEMORY = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "failed to map segment",
    "can't start new thread",
)

Progress = Callable[[str, float], None]
"""Told the stage of loading, and how far it is from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Built:
    """A runner, ready to run, and what its weights take in memory, measured."""

    runner: Runner
    weights_bytes: int


Build = Callable[[Progress], Built]
"""Loads a model; called on the thread of torch."""


class Loop:
    """One thread that holds the model.

    Attributes:
        built: None until the model is loaded.
        used: when it was last asked or answered, by the monotonic clock.
    """

    def __init__(self, build: Build, progress: Progress, loaded: Callable[[Built], None]) -> None:
        """``progress`` and ``loaded`` are called on the thread."""
        self.built: Built | None = None
        self.used = time.monotonic()
        self._build, self._progress, self._loaded = build, progress, loaded
        self._inbox: SimpleQueue[Job] = SimpleQueue()
        self._open: set[Job] = set()
        self._in_hand: set[Job] = set()
        self._step_began: float | None = None

    def start(self, ended: Callable[[BaseException], None]) -> None:
        """Begin to load; ``ended`` is called on the thread, where it can go on no longer."""
        Thread(target=self._main, args=(ended,), name="torch", daemon=True).start()

    def ask(self, request: Request, tell: Callable[[Answer], None]) -> Job:
        """Queue a request; ``tell`` gets nothing after its last answer."""
        job = Job(request, lambda answer: self._answer(job, answer, tell))
        self.used = time.monotonic()
        self._open.add(job)
        self._inbox.put(job)
        return job

    @property
    def open(self) -> int:
        """How many requests have not had their last answer."""
        return len(self._open)

    def begun(self, job: Job) -> bool:
        """Whether the runner knows a job, and has not answered it."""
        return job in self._in_hand

    @property
    def queued(self) -> int:
        """How many requests the runner does not know yet."""
        return self._inbox.qsize()

    def counts(self) -> Counts:
        """Return what the runner has in hand."""
        return self.built.runner.counts() if self.built else Counts()

    def step_seconds(self) -> float:
        """How long the step that runs has taken by now."""
        began = self._step_began
        return 0 if began is None else time.monotonic() - began

    def _main(self, ended: Callable[[BaseException], None]) -> None:
        try:
            self.built = self._build(self._progress)
            self.used = time.monotonic()
            self._loaded(self.built)
            self._work(self.built.runner)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the process cannot go on without this thread
            traceback.print_exc()
            ended(error)

    def _work(self, runner: Runner) -> None:
        failures, busy = 0, False
        while True:
            try:
                self._take_in(runner, wait=not busy)
                busy = self._step(runner)
                failures = 0
            except Exception as error:
                traceback.print_exc()
                failures += 1
                self._fail(error)
                if failures == _FAILURES:
                    raise
                busy = True  # it drops what failed

    def _take_in(self, runner: Runner, *, wait: bool) -> None:
        """Hand on all jobs that are queued, and wait for the first where there is nothing else to do."""
        while (job := self._next(wait=wait)) is not None:
            wait = False
            if job.cancelled.is_set():
                job.tell(Failed(id=job.request.id, kind=ErrorKind.CANCELLED, message="it was cancelled"))
            else:
                self._in_hand.add(job)
                runner.add(job)

    def _next(self, *, wait: bool) -> Job | None:
        try:
            return self._inbox.get(block=wait)
        except Empty:
            return None

    def _step(self, runner: Runner) -> bool:
        self._step_began = time.monotonic()
        try:
            return runner.step()
        finally:
            self._step_began = None

    def _answer(self, job: Job, answer: Answer, tell: Callable[[Answer], None]) -> None:
        if job not in self._open:
            return
        if not isinstance(answer, Piece):
            self.used = time.monotonic()
            self._open.discard(job)
            self._in_hand.discard(job)
        tell(answer)

    def _fail(self, error: Exception) -> None:
        """Fail every job in hand: nobody knows which of them the runner can still do."""
        for job in tuple(self._in_hand):
            job.cancelled.set()
            job.tell(failure(job, error))


def failure(job: Job, error: BaseException) -> Failed:
    """Return what a job is told that ``error`` has ended."""
    if out_of_memory(error):
        message = "there was not enough memory for this request; ask again when less runs, or for less"
        return Failed(id=job.request.id, kind=ErrorKind.OVERLOADED, message=message)
    message = f"the model process failed: {type(error).__name__}: {error}"
    return Failed(id=job.request.id, kind=ErrorKind.INTERNAL, message=message)


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, that of Python or that of torch, on any device."""
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in _NO_MEMORY)
