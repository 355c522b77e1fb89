"""Remembered vectors in the table ``embedding_cache``."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, func, select, tuple_, update

from codetune_core.engines.embedding_cache import EmbeddingModel
from codetune_core.storage import history_traces
from codetune_core.storage.database import Database
from codetune_core.storage.tables.embeddings import EmbeddingRow as Row

_BATCH = 500
"""So many rows are read or changed in one statement, so that no writer waits long."""
_UNNOTED = dt.timedelta(days=1)
"""A use is noted once a day, so that most uses only read."""
_KEY = (Row.model_key, Row.text_hash)


class SqlEmbeddingStore:
    """Implements EmbeddingStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, model: EmbeddingModel, texts: Sequence[str], now: dt.datetime) -> Mapping[str, bytes]:
        found: dict[str, bytes] = {}
        old: list[str] = []
        for some in _batches(texts):
            wanted = select(Row.text_hash, Row.vector, Row.last_used_at).where(_is(model, some))
            async with self._database.read() as session:
                for text, vector, used in await session.execute(wanted):
                    found[text] = vector
                    if used <= now - _UNNOTED:
                        old.append(text)
        for some in _batches(old):
            async with self._database.write() as session:
                await session.execute(update(Row).where(_is(model, some)).values(last_used_at=now))
        return found

    async def put(self, model: EmbeddingModel, vectors: Mapping[str, bytes], now: dt.datetime) -> None:
        dialect: Any = import_module(f"sqlalchemy.dialects.{self._database.url.dialect}")
        # In one order everywhere, so that two processes never wait for each other's rows.
        for some in _batches(sorted(vectors)):
            rows = [
                {
                    "model_key": model.key,
                    "text_hash": text,
                    "model_name": model.name[:200],
                    "vector": vectors[text],
                    "size_bytes": len(vectors[text]),
                    "created_at": now,
                    "last_used_at": now,
                }
                for text in some
            ]
            insert = dialect.insert(Row)
            new = {name: insert.excluded[name] for name in ("vector", "size_bytes", "created_at", "last_used_at")}
            upsert = insert.on_conflict_do_update(index_elements=["model_key", "text_hash"], set_=new)
            async with self._database.write() as session:
                await session.execute(upsert, rows)

    async def evict(self, made_before: dt.datetime, max_bytes: int) -> int:
        dropped = await self._drop(select(*_KEY).where(Row.created_at <= made_before))
        while some := await self._too_much(max_bytes):
            dropped += await self._delete(some, traces=False)
        return dropped

    async def clear(self, model_name: str | None = None) -> int:
        everything = select(*_KEY)
        return await self._drop(everything if model_name is None else everything.where(Row.model_name == model_name))

    async def _drop(self, wanted: Select[str, str]) -> int:
        dropped = 0
        while some := await self._found(wanted):
            dropped += await self._delete(some, traces=True)
        return dropped

    async def _found(self, wanted: Select[str, str]) -> Sequence[Any]:
        async with self._database.read() as session:
            return (await session.execute(wanted.limit(_BATCH))).all()

    async def _too_much(self, max_bytes: int) -> Sequence[Any]:
        """Return keys that were not used for longest, which are too much; others may have made room meanwhile."""
        oldest = select(*_KEY, Row.size_bytes).order_by(Row.last_used_at, *_KEY).limit(_BATCH)
        async with self._database.read() as session:
            excess = (await session.scalar(select(func.coalesce(func.sum(Row.size_bytes), 0))) or 0) - max_bytes
            rows = (await session.execute(oldest)).all() if excess > 0 else []
        keys = []
        for model, text, size in rows:
            if excess <= 0:
                break
            keys.append((model, text))
            excess -= size
        return keys

    async def _delete(self, keys: Sequence[Any], *, traces: bool) -> int:
        """Delete these; with ``traces``, what is left of them is to be erased soon."""
        gone = delete(Row).where(tuple_(*_KEY).in_([tuple(key) for key in keys])).returning(Row.text_hash)
        async with self._database.write() as session:
            number = len((await session.execute(gone)).all())
            if traces:
                await history_traces.note(session)
        return number


def _is(model: EmbeddingModel, texts: Sequence[str]) -> ColumnElement[bool]:
    return and_(Row.model_key == model.key, Row.text_hash.in_(texts))


def _batches(items: Sequence[str]) -> Iterator[Sequence[str]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))
