"""A Job, which is a request on its way through the model process; and the Runner protocol, which does jobs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Protocol

from codetune_core.engines.transformers.wire import Embed, Embedded, Failed, Finished, Generate, Piece, Score, Scored

Answer = Piece | Finished | Embedded | Scored | Failed
Request = Generate | Embed | Score


@dataclass(eq=False, slots=True)
class Job:
    """One request.

    Attributes:
        request: what is asked.
        tell: sends an answer to who asked; may be called from any thread. Each job is told exactly one last answer:
            Finished, Embedded, Scored or Failed.
        cancelled: set from any thread when nobody wants the answer any more.
    """

    request: Request
    tell: Callable[[Answer], None]
    cancelled: Event = field(default_factory=Event)


@dataclass(frozen=True, slots=True)
class Counts:
    """What a runner has in hand; fields as in `codetune_core.engines.transformers.wire.Status`."""

    running: int = 0
    waiting: int = 0
    kv_tokens: int = 0
    kv_tokens_held: int = 0
    kv_tokens_used: int = 0
    generated_tokens: int = 0
    drafted_tokens: int = 0
    accepted_tokens: int = 0


class Runner(Protocol):
    """Does jobs with loaded weights; all methods but ``counts`` are called on one thread, that of torch."""

    def add(self, job: Job) -> None:
        """Take a job in hand; tells Failed where it can never be done."""
        ...

    def step(self) -> bool:
        """Do one forward pass's worth of work, for cancelled jobs none; False where nothing is in hand."""
        ...

    def counts(self) -> Counts:
        """Return what is in hand; called from any thread."""
        ...

    def warm_up(self) -> None:
        """Do once what makes the first request slow."""
        ...
