"""An embedder that remembers: a text that a model has had before is not sent to it again."""

import asyncio
import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from codetune_core.domain.canonical import digest
from codetune_core.domain.clock import Clock, utc_now
from codetune_core.domain.execution import Keep, ModelIdentity, Priority, Role
from codetune_core.sections import CacheSettings, HistorySettings

if TYPE_CHECKING:
    from codetune_core.engines.embedding import Embedder, Vectors

_MEGABYTE = 1_000_000
_SLACK = 16
"""Room is made for a sixteenth of the limit at once, so that not every text has the store counted."""


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """Whose vectors: ``key`` is 64 hexadecimal digits, of all that can change a vector."""

    name: str
    key: str


class EmbeddingStore(Protocol):
    """Vectors by model and text, over several processes; texts are SHA-256 in hexadecimal digits."""

    async def find(self, model: EmbeddingModel, texts: Sequence[str], now: dt.datetime) -> Mapping[str, bytes]:
        """Return what is remembered of these texts; counts as its use."""
        ...

    async def put(self, model: EmbeddingModel, vectors: Mapping[str, bytes], now: dt.datetime) -> None:
        """Remember vectors by text; those that were there are replaced."""
        ...

    async def evict(self, made_before: dt.datetime, max_bytes: int) -> int:
        """Drop what is older, then the least recently used until the rest fits; return how many went."""
        ...

    async def clear(self, model_name: str | None = None) -> int:
        """Drop everything, or all of one model; return how many went."""
        ...


class RememberedVectors:
    """What is remembered, for how long, and how much of it: as long and as much as answers are.

    A vector tells something of its text, so it is remembered only where the history may keep content, and no longer.
    """

    def __init__(
        self, store: EmbeddingStore, cache: CacheSettings, history: HistorySettings, now: Clock = utc_now
    ) -> None:
        kept = (cache.days, history.content_days, history.metadata_days)
        self._days = min(days for days in kept if days is not None)
        self.enabled = bool(cache.enabled and self._days and history.keep is Keep.FULL)
        self._store, self._now = store, now
        self._max_bytes = cache.max_megabytes * _MEGABYTE
        self._writing = asyncio.Lock()
        self._room = 0

    async def find(self, model: EmbeddingModel, texts: Sequence[str]) -> Mapping[str, bytes]:
        """Return what is remembered of these texts."""
        return await self._store.find(model, texts, self._now())

    async def remember(self, model: EmbeddingModel, vectors: Mapping[str, bytes]) -> None:
        """Remember vectors by text, and make room where it is needed."""
        async with self._writing:
            await self._store.put(model, vectors, self._now())
            self._room -= sum(map(len, vectors.values()))
            if self._room < 0:
                self._room = self._max_bytes // _SLACK
                await self._evict(self._max_bytes - self._room)

    async def maintain(self) -> int:
        """Drop what is too old or too much; return how many went."""
        return await self._evict(self._max_bytes)

    async def clear(self, model_name: str | None = None) -> int:
        """Forget everything, or all of one model; return how many went."""
        return await self._store.clear(model_name)

    async def _evict(self, max_bytes: int) -> int:
        return await self._store.evict(self._now() - dt.timedelta(days=self._days), max_bytes)


class CachedEmbedder:
    """Sends a model the texts only that it has not had, each once; texts are the same where every character is.

    What is remembered is never shared between tenants: how fast a vector comes would tell what others asked.
    """

    def __init__(self, embedder: "Embedder", remembered: RememberedVectors, tenant: str = "") -> None:
        self._embedder, self._remembered, self._tenant = embedder, remembered, tenant

    def of(self, tenant: str) -> "CachedEmbedder":
        """Return one that remembers for a tenant."""
        return CachedEmbedder(self._embedder, self._remembered, tenant)

    async def model(self, name: str, role: Role = Role.EMBEDDING) -> ModelIdentity:
        return await self._embedder.model(name, role)

    async def embed(self, model: ModelIdentity, texts: Sequence[str], priority: Priority) -> "Vectors":
        import numpy as np  # noqa: PLC0415 - 0.1 s, and only who embeds needs it

        if not texts:
            return np.zeros((0, 0), np.float32)
        which = EmbeddingModel(model.name, digest(asdict(model) | {"tenant": self._tenant}))
        hashes = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts]
        distinct = dict(zip(hashes, texts, strict=True))
        known = dict(await self._remembered.find(which, list(distinct)))
        if len({len(vector) for vector in known.values()}) > 1:
            known = {}  # of a model that was changed under its name
        missing = {key: text for key, text in distinct.items() if key not in known}
        if missing:
            made = await self._embedder.embed(model, list(missing.values()), priority)
            if any(len(vector) != made[0].nbytes for vector in known.values()):
                made, missing, known = (
                    await self._embedder.embed(model, list(distinct.values()), priority),
                    distinct,
                    {},
                )
            fresh = {key: row.astype("<f4").tobytes() for key, row in zip(missing, made, strict=True)}
            await self._remembered.remember(which, fresh)
            known |= fresh
        return np.stack([np.frombuffer(known[key], "<f4") for key in hashes]).astype(np.float32, copy=False)

    async def aclose(self) -> None:
        await self._embedder.aclose()
