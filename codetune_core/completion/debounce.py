"""How long to wait after a keystroke before a model is asked: by the rhythm of typing and the time answers take."""

from dataclasses import dataclass, field

SHORTEST, LONGEST = 0.1, 1.0
"""Bounds of the wait in seconds; Tabby's are the same."""
_PAUSE = 1.5
_WEIGHT = 0.15
_PATIENCE = 2.0
_AFTER_DELETING = 1.5


@dataclass(slots=True)
class Debounce:
    """Learns from keystrokes and answers.

    Attributes:
        interval: seconds between two keystrokes, a moving average; pauses do not count.
        latency: seconds from asking to the whole answer, a moving average.
    """

    interval: float = 0.2
    latency: float = 0.4
    _last: float | None = field(default=None, repr=False)

    def typed(self, now: float) -> None:
        """Take note of a keystroke; ``now`` is seconds of any clock that only goes forward."""
        passed = now - self._last if self._last is not None else _PAUSE
        self._last = now
        if 0 < passed < _PAUSE:
            self.interval += _WEIGHT * (passed - self.interval)

    def answered(self, seconds: float) -> None:
        """Take note of how long an answer took."""
        self.latency += 2 * _WEIGHT * (max(0.0, seconds) - self.latency)

    def delay(self, *, deleting: bool = False) -> float:
        """Seconds to wait for another keystroke before asking.

        A little more than the usual interval, so that who goes on typing is not asked for; an answer that takes long is
        asked for earlier, since typing may go on while it comes. Who deletes is about to write something else.
        """
        patience = _PATIENCE * self.interval * (_AFTER_DELETING if deleting else 1)
        return min(LONGEST, max(SHORTEST, self.interval, patience - self.latency / 4))
