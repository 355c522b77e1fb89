"""An answer that a model writes for a completion, and who waits for it."""

import asyncio
from dataclasses import dataclass, field

from codetune_core.completion.reuse import Flight


@dataclass(eq=False, slots=True)
class Running:
    """An answer on its way.

    Attributes:
        flight: what is known of it.
        max_lines: the longest that is wanted.
        over: set when it has come, or will not.
        waiting: how many requests wait for it.
        task: which reads it.
    """

    flight: Flight
    max_lines: int
    over: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0
    task: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether as many lines have come as are wanted."""
        return self.flight.text.count("\n") >= self.max_lines

    def within(self, piece: str) -> str:
        """Return what of the next piece still belongs to those lines."""
        left = self.max_lines - self.flight.text.count("\n")
        lines = piece.split("\n")
        return piece if len(lines) <= left else "\n".join(lines[:left]) + "\n"
