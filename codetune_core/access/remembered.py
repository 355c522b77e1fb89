"""Remembers a few things for a few seconds."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """At most ``most`` values by name, each for ``seconds``; beyond that the oldest goes."""

    def __init__(self, seconds: float, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._values: dict[str, tuple[float, T]] = {}

    def get(self, name: str) -> T | None:
        """Return what was remembered, unless it is too old."""
        until, value = self._values.get(name, (0.0, None))
        if value is not None and until <= self._clock():
            del self._values[name]
            return None
        return value

    def put(self, name: str, value: T) -> None:
        """Remember a value from now on."""
        self._values.pop(name, None)
        self._values[name] = (self._clock() + self._seconds, value)
        while len(self._values) > self._most:
            del self._values[next(iter(self._values))]

    def clear(self) -> None:
        """Forget everything."""
        self._values.clear()
