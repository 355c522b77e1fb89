"""The Executor protocol, and what it needs of the storage that remembers answers."""

import datetime as dt
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from codetune_core.domain.execution import ExecutionRequest, Feedback
from codetune_core.execution.events import Event


class Executor(Protocol):
    """Runs Executions: here, or over HTTP."""

    def execute(self, request: ExecutionRequest) -> AsyncGenerator[Event]:
        """Stream the events of one execution; the last one is Finished or Failed.

        Closing the generator cancels the execution, which is recorded as such.
        """
        ...

    async def rate(self, execution_id: UUID, feedback: Feedback) -> bool:
        """Note what became of an answer; False where nothing of one's own is kept of such an execution.

        Raises a CodeTuneError where who ran it cannot be asked.
        """
        ...


@dataclass(frozen=True, slots=True)
class CacheKey:
    """The unique key of ``model_cache``; hashes are 64 hexadecimal digits."""

    model_name: str
    model_revision: str
    prompt_hash: str
    parameters_hash: str
    sample_index: int


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """A complete, successful answer."""

    output: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """What the cache holds: ``bytes`` counts the answers' UTF-8."""

    entries: int
    bytes: int
    hits: int
    oldest: dt.datetime | None


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """What stands beside an answer."""

    created_at: dt.datetime
    expires_at: dt.datetime
    is_valid: bool


class CacheStore(Protocol):
    """Answers by key, over several processes."""

    async def get(self, key: CacheKey, now: dt.datetime) -> CachedAnswer | None:
        """Answer of a valid entry that has not expired; counts the access, in time."""
        ...

    async def put(self, key: CacheKey, answer: CachedAnswer, now: dt.datetime, expires_at: dt.datetime) -> None:
        """Remember an answer; an entry with this key is replaced."""
        ...

    async def evict(self, now: dt.datetime, max_bytes: int) -> int:
        """Drop what expired, then the least recently used until the rest fits; return how many went."""
        ...

    async def clear(self, model_name: str | None = None) -> int:
        """Drop everything, or all of one model; return how many went."""
        ...

    async def forget(self, keys: Sequence[CacheKey]) -> int:
        """Drop the entries of these keys; return how many went."""
        ...

    async def entry(self, key: CacheKey) -> CacheEntry | None:
        """Return what stands beside the answer of a key, used or not; this is no access."""
        ...

    async def statistics(self) -> CacheStatistics:
        """Count what is held."""
        ...

    async def aclose(self) -> None:
        """Write the accesses that were counted and not yet written."""
        ...
