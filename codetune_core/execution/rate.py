"""Rate limits of users: a sliding window, estimated from the counts of two fixed ones.

The requests of the last ``WINDOW_SECONDS`` are taken to be those of the current fixed window and, of those of the
window before, the share that the sliding window still covers, as if they had come evenly: the sliding window counter of
"How we built rate limiting capable of scaling to millions of domains" (Cloudflare, 2017).
"""

from dataclasses import dataclass
from typing import Protocol, Self

WINDOW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as rate limits see it: the ``window``'s number since 1970, and which share of it is over, from 0 to 1."""

    window: int
    elapsed: float

    @classmethod
    def at(cls, seconds: float) -> Self:
        """Return that of a Unix time."""
        window, rest = divmod(seconds, WINDOW_SECONDS)
        return cls(int(window), rest / WINDOW_SECONDS)


@dataclass(frozen=True, slots=True)
class Counts:
    """What was let in during the current fixed window and during the one before."""

    current: int = 0
    previous: int = 0

    def used(self, elapsed: float) -> float:
        """Estimate what was let in during the last WINDOW_SECONDS."""
        return self.previous * (1 - elapsed) + self.current

    def seconds_until_room(self, limit: int, elapsed: float) -> float:
        """Return after how many seconds one more is let in, where nobody else asks meanwhile."""
        if self.used(elapsed) + 1 <= limit:
            return 0
        if self.current < limit:
            return (_share_over(self.previous, limit - self.current - 1) - elapsed) * WINDOW_SECONDS
        return (1 - elapsed + _share_over(self.current, limit - 1)) * WINDOW_SECONDS


class RateStore(Protocol):
    """Counts that all replicas of a service share."""

    async def take(self, user_id: str, limit: int, moment: Moment) -> Counts | None:
        """Count one more request, and return what is counted with it; None where it would pass the limit."""
        ...

    async def counts(self, user_id: str, moment: Moment) -> Counts:
        """Return what is counted."""
        ...


def _share_over(previous: int, room: int) -> float:
    """Which share of a window must be over for no more than ``room`` of the one before to count still."""
    return max(0.0, 1 - room / previous)
