"""When a document is reviewed: the newest version wins, older work is cancelled, typing is waited out."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from codetune_core.domain.review import Stage

_BURST_SECONDS = 2.0
"""A longer pause between two changes is not typing but thinking."""
_WEIGHT = 0.3
"""Of the newest measurement in the moving average."""


@dataclass(slots=True)
class Rhythm:
    """How fast somebody types in a document and how long its reviews take, in seconds."""

    gap: float = 0.0
    review: float = 0.0
    last_change: float = float("-inf")

    def changed(self, now: float) -> None:
        """Take note of a change."""
        gap = now - self.last_change
        self.last_change = now
        if gap < _BURST_SECONDS:
            self.gap = _average(self.gap, gap)

    def reviewed(self, seconds: float) -> None:
        """Take note of how long a review took."""
        self.review = _average(self.review, seconds)

    def delay(self, least: float, most: float) -> float:
        """Seconds to wait after a change: longer than a usual gap between keys, and the longer the dearer a review."""
        return min(max(1.5 * self.gap, self.review / 2, least), max(least, most))


@dataclass(slots=True)
class _Job:
    task: asyncio.Task[None]
    thorough: bool
    live: asyncio.Event = field(default_factory=asyncio.Event)
    complete: asyncio.Event = field(default_factory=asyncio.Event)


class Scheduler:
    """Runs at most one review for each uri.

    Args:
        review: reviews the newest version of a document; it is closed early where a newer version is wanted.
    """

    def __init__(self, review: Callable[[str, bool], AsyncGenerator[Stage]]) -> None:
        self._review = review
        self._jobs: dict[str, _Job] = {}
        self._rhythms: dict[str, Rhythm] = {}

    def now(self, uri: str, *, thorough: bool) -> None:
        """Review at once; ``thorough`` also asks the slow detectors."""
        self._begin(uri, 0, thorough=thorough)

    def soon(self, uri: str, least: float, most: float) -> None:
        """Review when the typing pauses, between ``least`` and ``most`` seconds from now."""
        rhythm = self._rhythms.setdefault(uri, Rhythm())
        rhythm.changed(time.monotonic())
        self._begin(uri, rhythm.delay(least, most), thorough=False)

    async def live(self, uri: str) -> None:
        """Wait until what is wanted now has the fast detectors' answers, or has failed."""
        while job := self._jobs.get(uri):
            await job.live.wait()
            if self._jobs.get(uri) in (job, None):
                return

    async def complete(self, uri: str) -> None:
        """Wait until what is wanted now has every detector's answers, or has failed."""
        while job := self._jobs.get(uri):
            await job.complete.wait()
            if self._jobs.get(uri) in (job, None):
                return

    def forget(self, uri: str) -> None:
        """Stop reviewing a document and forget its rhythm."""
        self._rhythms.pop(uri, None)
        job = self._jobs.pop(uri, None)
        if job:
            job.task.cancel()

    async def aclose(self) -> None:
        """Stop everything."""
        tasks = [job.task for job in self._jobs.values()]
        for uri in list(self._jobs):
            self.forget(uri)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, uri: str, delay: float, *, thorough: bool) -> None:
        older = self._jobs.get(uri)
        if older:
            older.task.cancel()
            thorough |= older.thorough and not older.complete.is_set()  # the slow detectors' answers are still wanted
        job = self._jobs[uri] = _Job(asyncio.create_task(self._run(uri, delay, thorough=thorough)), thorough)
        job.task.add_done_callback(lambda _: self._ended(uri, job))

    async def _run(self, uri: str, delay: float, *, thorough: bool) -> None:
        await asyncio.sleep(delay)
        job, started = self._jobs[uri], time.monotonic()
        async with aclosing(self._review(uri, thorough)) as stages:
            async for stage in stages:
                job.live.set()
                if stage is not Stage.LIVE and not job.complete.is_set():
                    job.complete.set()
                    self._rhythms.setdefault(uri, Rhythm()).reviewed(time.monotonic() - started)

    def _ended(self, uri: str, job: _Job) -> None:
        job.live.set()
        job.complete.set()
        if self._jobs.get(uri) is job:
            del self._jobs[uri]
        if not job.task.cancelled():
            job.task.exception()  # the review tells people itself; here it is only taken note of


def _average(old: float, new: float) -> float:
    return new if not old else old + _WEIGHT * (new - old)
