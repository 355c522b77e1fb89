"""How long a model's fixes took in this editor, which decides whether a menu may wait for one."""

from collections import deque
from statistics import median

_REMEMBERED = 8
_QUICK_SECONDS = 2.0
"""Editors wait about as long for the edit of an entry that was chosen."""


class Latency:
    """Of the last fixes, from the choice to the checked edit."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=_REMEMBERED)

    def took(self, seconds: float) -> None:
        """Remember one."""
        self._seconds.append(seconds)

    @property
    def is_short(self) -> bool:
        """Whether half of them were there in time; not where none is known."""
        return bool(self._seconds) and median(self._seconds) < _QUICK_SECONDS
