"""An answer that a model writes for a completion, and who waits for it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from codetune_core.completion.place import Place
from codetune_core.completion.reuse import Flight


@dataclass(eq=False, slots=True)
class Running:
    """An answer on its way.

    Attributes:
        flight: what is known of it.
        max_lines: the longest that is wanted.
        over: set when it has come, or will not.
        task: which reads it.
    """

    flight: Flight
    max_lines: int
    over: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    _waiting: dict[asyncio.Event, Place] = field(default_factory=dict)

    @property
    def is_wanted(self) -> bool:
        """Whether a request waits for it."""
        return bool(self._waiting)

    @property
    def is_full(self) -> bool:
        """Whether as many lines have come as are wanted."""
        return self.flight.text.count("\n") >= self.max_lines

    def within(self, piece: str) -> str:
        """Return what of the next piece still belongs to those lines."""
        left = self.max_lines - self.flight.text.count("\n")
        lines = piece.split("\n")
        return piece if len(lines) <= left else "\n".join(lines[:left]) + "\n"

    @contextmanager
    def awaited(self, place: Place) -> Iterator[asyncio.Event]:
        """Note that a request for a place waits while the block runs; the event says that it does so in vain."""
        strayed = asyncio.Event()
        self._waiting[strayed] = place
        try:
            yield strayed
        finally:
            del self._waiting[strayed]

    def look(self) -> None:
        """Tell those in whose place what has come does not fit any more."""
        for strayed, place in self._waiting.items():
            if not self.flight.may_fit(place):
                strayed.set()
