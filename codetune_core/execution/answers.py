"""Answers: which are remembered, for how long, and how many."""

import datetime as dt

from codetune_core.domain.clock import Clock, utc_now
from codetune_core.domain.execution import Keep
from codetune_core.execution.protocol import CachedAnswer, CacheEntry, CacheKey, CacheStatistics, CacheStore
from codetune_core.sections import CacheSettings, HistorySettings

_MEGABYTE = 1_000_000
_SLACK = 16
"""Room is made for a sixteenth of the limit at once, so that not every answer has the store counted; what other
processes write meanwhile is counted the next time."""


class Answers:
    """The cache as the executor sees it.

    An answer is text that a model wrote about the user's code: it is not remembered where the history may not keep
    content, nor longer than the history keeps it.
    """

    def __init__(
        self,
        store: CacheStore,
        cache: CacheSettings,
        history: HistorySettings,
        now: Clock = utc_now,
    ) -> None:
        self._store = store
        self._settings = cache
        kept = (cache.days, history.content_days, history.metadata_days)
        self._days = min(days for days in kept if days is not None)
        self._now = now
        self._max_bytes = cache.max_megabytes * _MEGABYTE
        self._room = 0
        """Bytes that may be written until the store is counted again."""

    def refusal(self, *, temperature: float, seed: int | None, keep: Keep) -> str:
        """Say why answers to a request are neither remembered nor shared; empty where they are.

        A fixed seed asks for the same draw again, so it counts as deterministic.
        """
        if not self._settings.enabled:
            return "the cache is switched off (cache.enabled)"
        if keep is not Keep.FULL:
            return f"of this task or workspace only {keep} is kept (history.keep)"
        if not self._days:
            return "content is kept for 0 days (history.content_days, history.metadata_days)"
        if temperature > 0 and seed is None and not self._settings.sampled:
            return f"it is drawn at temperature {temperature:g} without a seed, and cache.sampled is off"
        return ""

    def flaw(self, output: str, finish_reason: str) -> str:
        """Say why an answer is not remembered once it is there; empty where it is."""
        if finish_reason != "stop":
            return f"the answer is not complete (it ended by {finish_reason})"
        if "\0" in output or not _encodable(output):
            return "the answer holds characters that a database cannot keep"
        if len(output.encode()) > self._max_bytes:
            return "the answer alone is larger than the cache (cache.max_megabytes)"
        return ""

    async def find(self, key: CacheKey) -> CachedAnswer | None:
        """Return the answer remembered for a key."""
        return await self._store.get(key, self._now())

    def expiry(self) -> dt.datetime:
        """Return from when on an answer of now is not used any more: a midnight UTC, so that few days have work."""
        until = self._now() + dt.timedelta(days=self._days)
        return until.replace(hour=0, minute=0, second=0, microsecond=0)

    async def remember(self, key: CacheKey, answer: CachedAnswer, expires_at: dt.datetime) -> None:
        """Remember an answer without a flaw, and then make room where it is needed."""
        now, size = self._now(), len(answer.output.encode())
        await self._store.put(key, answer, now, expires_at)
        self._room -= size
        if self._room < 0:
            kept = max(self._max_bytes - self._max_bytes // _SLACK, size)
            self._room = self._max_bytes - kept  # at once, so that nobody else begins the same
            await self._store.evict(now, kept)

    async def entry(self, key: CacheKey) -> CacheEntry | None:
        """Return what stands beside the answer remembered for a key, used or not."""
        return await self._store.entry(key)

    async def statistics(self) -> CacheStatistics:
        """Count what is remembered."""
        return await self._store.statistics()

    async def clear(self, model_name: str | None = None) -> int:
        """Forget everything, or all of one model, what is being remembered too; return how many went."""
        return await self._store.clear(model_name)

    async def maintain(self) -> int:
        """Drop what expired or is too much; return how many went."""
        return await self._store.evict(self._now(), self._max_bytes)

    async def aclose(self) -> None:
        """Write down what was used when."""
        await self._store.aclose()


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
