"""Keys of the service in the table ``service_key``."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import and_, insert, or_, select, tuple_, update

from codetune_core.access.protocol import StoredKey
from codetune_core.domain.service_key import Scope, ServiceKey
from codetune_core.storage.database import Database
from codetune_core.storage.tables.keys import ServiceKeyRow as Row


class SqlKeyStore:
    """Implements KeyStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, stored: StoredKey) -> None:
        key = stored.key
        values = {
            "id": key.id,
            "key_hash": stored.hash,
            "user_id": key.user_id,
            "scopes": " ".join(sorted(key.scopes)),
            "note": key.note,
            "created_at": key.created_at,
            "created_by": key.created_by,
            "expires_at": key.expires_at,
        }
        async with self._database.write() as session:
            await session.execute(insert(Row).values(values))

    async def find(self, key_id: str) -> StoredKey | None:
        async with self._database.read() as session:
            row = await session.get(Row, key_id)
        return StoredKey(_key(row), row.key_hash) if row else None

    async def page(self, after: str, limit: int) -> Sequence[ServiceKey]:
        wanted = select(Row).order_by(Row.created_at.desc(), Row.id.desc()).limit(limit)
        if after:
            place = select(Row.created_at, Row.id).where(Row.id == after).scalar_subquery()
            wanted = wanted.where(tuple_(Row.created_at, Row.id) < place)
        async with self._database.read() as session:
            return [_key(row) for row in await session.scalars(wanted)]

    async def revoke(self, key_id: str, now: dt.datetime) -> ServiceKey | None:
        once = update(Row).where(Row.id == key_id, Row.revoked_at.is_(None)).values(revoked_at=now)
        async with self._database.write() as session:
            await session.execute(once)
            row = await session.get(Row, key_id)
        return _key(row) if row else None

    async def note_use(self, key_id: str, now: dt.datetime) -> None:
        later = or_(Row.last_used_at.is_(None), Row.last_used_at < now)
        async with self._database.write() as session:
            await session.execute(update(Row).where(Row.id == key_id, later).values(last_used_at=now))

    async def any_usable(self, now: dt.datetime) -> bool:
        usable = and_(Row.revoked_at.is_(None), or_(Row.expires_at.is_(None), Row.expires_at > now))
        async with self._database.read() as session:
            return await session.scalar(select(Row.id).where(usable).limit(1)) is not None


def _key(row: Row) -> ServiceKey:
    return ServiceKey(
        id=row.id,
        user_id=row.user_id,
        scopes=frozenset(map(Scope, row.scopes.split())),
        created_at=row.created_at,
        created_by=row.created_by,
        note=row.note,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
