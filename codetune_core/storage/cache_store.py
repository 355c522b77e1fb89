"""Remembered answers in the table ``model_cache``."""

import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from importlib import import_module
from operator import attrgetter
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    Table,
    and_,
    bindparam,
    case,
    delete,
    func,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from codetune_core.domain.identifiers import new_id
from codetune_core.execution.protocol import CachedAnswer, CacheEntry, CacheKey, CacheStatistics
from codetune_core.storage import history_traces
from codetune_core.storage.database import Database
from codetune_core.storage.group_commit import GroupCommit
from codetune_core.storage.memo import Memo
from codetune_core.storage.tables.cache import CachedAnswerRow as Row

_ANSWER = TypeAdapter(CachedAnswer)
_TABLE: Table = Row.__table__  # type: ignore[assignment]
_ACCESSES_HELD = 200
_BATCH = 500
"""So many entries are dropped in one transaction, so that no writer waits long."""
_REMEMBERED = 64
_STANDS = """
SELECT id, is_valid FROM model_cache
WHERE model_name = ? AND model_revision = ? AND prompt_hash = ? AND parameters_hash = ? AND sample_index = ?
"""
"""What is other whenever another answer stands under a key: each is written with an id of its own."""
_PARTS = attrgetter(*(field.name for field in fields(CacheKey)))
_Find = Callable[[AsyncSession], Awaitable[Sequence[UUID]]]


@dataclass(slots=True)
class _Accesses:
    last: dt.datetime
    count: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    id: UUID
    answer: CachedAnswer
    expires_at: dt.datetime


class SqlCacheStore:
    """Implements CacheStore; a hit only reads: accesses are written in batches, and what a crash loses is a count."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._puts = GroupCommit(self._put, lambda row: self._put([row]))
        self._accesses: dict[UUID, _Accesses] = {}
        self._remembered: Memo[CacheKey, _Entry | None] = Memo(
            lambda key: database.direct.row(_STANDS, _PARTS(key)), _REMEMBERED
        )

    async def get(self, key: CacheKey, now: dt.datetime) -> CachedAnswer | None:
        try:
            found = await self._remembered.get(key, partial(self._read, key))
        except ValueError:  # not JSON, or not an answer
            await self.forget([key])
            return None
        if found is None or found.expires_at <= now:
            return None
        await self._accessed(found.id, now)
        return found.answer

    async def _read(self, key: CacheKey) -> _Entry | None:
        wanted = select(Row.id, Row.cached_output, Row.expires_at).where(_is(key), Row.is_valid)
        async with self._database.read() as session:
            found = (await session.execute(wanted)).one_or_none()
        return _Entry(found.id, _ANSWER.validate_python(found.cached_output), found.expires_at) if found else None

    async def put(self, key: CacheKey, answer: CachedAnswer, now: dt.datetime, expires_at: dt.datetime) -> None:
        values = {
            "id": new_id(),
            "cached_output": asdict(answer),
            "tokens_used": answer.prompt_tokens + answer.completion_tokens,
            "size_bytes": len(answer.output.encode()),
            "created_at": now,
            "last_accessed_at": now,
            "access_count": 0,
            "expires_at": expires_at,
            "is_valid": True,
        }
        await self._puts.write({**asdict(key), **values})

    async def _put(self, rows: Sequence[dict[str, Any]]) -> None:
        dialect: Any = import_module(f"sqlalchemy.dialects.{self._database.url.dialect}")
        insert = dialect.insert(_TABLE)
        keys = [field.name for field in fields(CacheKey)]
        others = {name: insert.excluded[name] for name in rows[0] if name not in keys}
        async with self._database.write() as session:
            await session.execute(insert.on_conflict_do_update(index_elements=keys, set_=others), rows)

    async def evict(self, now: dt.datetime, max_bytes: int) -> int:
        await self._write_accesses()
        useless = union_all(select(Row.id).where(Row.expires_at <= now), select(Row.id).where(~Row.is_valid))
        dropped = await self._drop(partial(_some, useless), traces=True)
        return dropped + await self._drop(partial(_oldest, max_bytes=max_bytes))

    async def clear(self, model_name: str | None = None) -> int:
        await self._puts.flush()
        everything = select(Row.id)
        which = everything if model_name is None else everything.where(Row.model_name == model_name)
        return await self._drop(partial(_some, which), traces=True)

    async def forget(self, keys: Sequence[CacheKey]) -> int:
        async with self._database.write() as session:
            return sum([await _delete(session, _is(key)) for key in keys])

    async def entry(self, key: CacheKey) -> CacheEntry | None:
        wanted = select(Row.created_at, Row.expires_at, Row.is_valid).where(_is(key))
        async with self._database.read() as session:
            found = (await session.execute(wanted)).one_or_none()
        return CacheEntry(*found) if found else None

    async def statistics(self) -> CacheStatistics:
        await self._write_accesses()
        counted = select(
            func.count(),
            func.coalesce(func.sum(Row.size_bytes), 0),
            func.coalesce(func.sum(Row.access_count), 0),
            func.min(Row.created_at),
        )
        async with self._database.read() as session:
            entries, size, hits, oldest = (await session.execute(counted)).one()
        return CacheStatistics(entries, int(size), int(hits), oldest)

    async def aclose(self) -> None:
        await self._write_accesses()

    async def _drop(self, find: _Find, *, traces: bool = False) -> int:
        """Drop what is found until nothing is; with ``traces``, what is left of it is to be erased soon."""
        dropped = 0
        while ids := await self._found(find):
            async with self._database.write() as session:
                dropped += await _delete(session, Row.id.in_(ids))
                if traces:
                    await history_traces.note(session)
        return dropped

    async def _found(self, find: _Find) -> Sequence[UUID]:
        async with self._database.read() as session:
            return await find(session)

    async def _accessed(self, row_id: UUID, now: dt.datetime) -> None:
        seen = self._accesses.setdefault(row_id, _Accesses(now))
        seen.last = max(seen.last, now)
        seen.count += 1
        if len(self._accesses) >= _ACCESSES_HELD:
            await self._write_accesses()

    async def _write_accesses(self) -> None:
        held, self._accesses = self._accesses, {}
        if not held:
            return
        last = bindparam("last", type_=Row.last_accessed_at.type)
        statement = (
            update(_TABLE)
            .where(_TABLE.c.id == bindparam("row"))
            .values(
                access_count=_TABLE.c.access_count + bindparam("count"),
                last_accessed_at=case((_TABLE.c.last_accessed_at < last, last), else_=_TABLE.c.last_accessed_at),
            )
        )
        # In one order everywhere, so that two processes never wait for each other's rows.
        rows = [{"row": row, "last": seen.last, "count": seen.count} for row, seen in sorted(held.items())]
        async with self._database.write() as session:
            await (await session.connection()).execute(statement, rows)


def _is(key: CacheKey) -> ColumnElement[bool]:
    return and_(*(getattr(Row, name) == value for name, value in asdict(key).items()))


async def _delete(session: AsyncSession, where: ColumnElement[bool]) -> int:
    return len((await session.execute(delete(Row).where(where).returning(Row.id))).all())


async def _some(ids: Select[Any] | CompoundSelect[Any], session: AsyncSession) -> Sequence[UUID]:
    return (await session.scalars(ids.limit(_BATCH))).all()


async def _oldest(session: AsyncSession, max_bytes: int) -> Sequence[UUID]:
    """Return entries that were not used for longest, which are too much; others may have made room meanwhile."""
    excess = (await session.scalar(select(func.coalesce(func.sum(Row.size_bytes), 0))) or 0) - max_bytes
    if excess <= 0:
        return []
    oldest = select(Row.id, Row.size_bytes).order_by(Row.last_accessed_at, Row.id).limit(_BATCH)
    ids = []
    for row_id, size in await session.execute(oldest):
        if excess <= 0:
            break
        ids.append(row_id)
        excess -= size
    return ids
