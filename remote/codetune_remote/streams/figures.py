"""What an execution took, for who watches the service."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from codetune_core.domain.execution import ErrorKind, Priority, Task
from codetune_core.execution.events import Event, Failed, Finished, FromCache, Started, Token, UsageCounted

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Figures:
    """Seconds, tokens and how it ended: ``error`` is None for an answer; what did not come about is None or 0.

    All seconds count from when the request was let in.
    """

    task: Task
    priority: Priority
    asked_at: float = field(default_factory=time.monotonic)
    queue_seconds: float = 0
    first_token_seconds: float | None = None
    total_seconds: float = 0
    model: str = ""
    from_cache: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    engine: str = ""
    cost_usd: float = 0
    error: ErrorKind | None = None

    def note(self, event: Event) -> None:
        """Learn from an event, as it comes."""
        match event:
            case Started():
                self.model = event.model
            case FromCache():
                self.from_cache = True
            case Token():
                if self.first_token_seconds is None:
                    self.first_token_seconds = time.monotonic() - self.asked_at
            case UsageCounted():
                self.prompt_tokens, self.completion_tokens = event.prompt_tokens, event.completion_tokens
                self.engine, self.cost_usd = event.engine, event.estimated_cost_usd or 0
            case Finished():
                self.total_seconds = time.monotonic() - self.asked_at
                self.model = event.model or self.model
            case Failed():
                self.total_seconds = time.monotonic() - self.asked_at
                self.error = event.kind


Observer = Callable[[Figures], None]
"""Told of each execution when it has ended."""


def log_figures(figures: Figures) -> None:
    """Write them into the log, for who looks for what was slow."""
    _LOG.debug("execution ended: %s", figures)
