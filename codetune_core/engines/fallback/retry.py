"""Which failures of an engine are worth another try, of the same engine or of another, and after how long."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from codetune_core.errors import (
    CodeTuneError,
    ContextTooLong,
    EngineLost,
    EngineOverloaded,
    EngineTimeout,
    EngineUnusable,
    OutboundRefused,
    SettingsError,
)

_OF_THIS_ENGINE = (EngineOverloaded, EngineLost, EngineTimeout, EngineUnusable, SettingsError)


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how patiently the same engine is asked again; times in seconds.

    The n-th pause is drawn from 0 to ``first_pause`` * 2^(n-1), at most ``longest_pause`` ("full jitter": requests
    that failed together do not come back together). An engine that asks for a longer one is not waited for.
    """

    attempts: int = 3
    first_pause: float = 0.5
    longest_pause: float = 5

    def pause(self, attempt: int, error: Exception, draw: Callable[[], float] = random.random) -> float | None:
        """Return how long to wait after the failure of an attempt, counted from 1; None to give up.

        A timeout is not tried again: it has taken its time already.
        """
        if attempt >= self.attempts or not isinstance(error, EngineOverloaded | EngineLost):
            return None
        drawn = draw() * min(self.longest_pause, self.first_pause * 2.0 ** (attempt - 1))
        asked = retry_after(error)
        if asked is None:
            return drawn
        return asked + drawn if asked <= self.longest_pause else None


def retry_after(error: Exception) -> float | None:
    """Return after how many seconds the engine wants to be asked again, where it says so."""
    return error.retry_after if isinstance(error, EngineOverloaded) else None


def is_of_this_engine(error: Exception) -> bool:
    """Whether an error speaks against the engine, and not against the question: it counts for its breaker.

    What is none of ours is a fault in the engine's code.
    """
    return isinstance(error, _OF_THIS_ENGINE) or not isinstance(error, CodeTuneError)


def may_another_answer(error: Exception) -> bool:
    """Whether the question may go to the next engine."""
    return is_of_this_engine(error) or isinstance(error, ContextTooLong | OutboundRefused)
