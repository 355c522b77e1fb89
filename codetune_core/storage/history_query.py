"""The list of executions: filters as conditions, the newest first, page by page."""

import datetime as dt
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from codetune_core.domain.execution import Keep
from codetune_core.history.protocol import Filter, Place
from codetune_core.storage.history_rows import HISTORY, storable

_BATCH = 500
_EQUAL = {
    "prompt_id": "prompt_id",
    "version_id": "version_id",
    "task": "task",
    "user_id": "user_id",
    "workspace": "workspace",
    "model": "model_used",
    "error_kind": "error_kind",
}
_UUID_TIMED = 7


def conditions(where: Filter) -> list[ColumnElement[bool]]:
    """What a row must fulfil, beside the filter's text; rows of which nothing is kept never match."""
    found: list[ColumnElement[bool]] = [HISTORY.c.keep != Keep.NOTHING.value]
    if where.ids:
        found.append(HISTORY.c.id.in_(where.ids))
    for name, column in _EQUAL.items():
        if (value := getattr(where, name)) is not None:
            found.append(HISTORY.c[column] == storable(column, value))
    if where.success is not None:
        failed = HISTORY.c.error_kind.is_not(None)
        found.append(HISTORY.c.success.is_(True) if where.success else failed)
    if where.since is not None:
        found.append(HISTORY.c.executed_at >= where.since)
    if where.until is not None:
        found.append(HISTORY.c.executed_at < where.until)
    return found


def newest_first(query: Select[Any]) -> Select[Any]:
    """Order by time, and by writing where times are equal."""
    return query.order_by(HISTORY.c.executed_at.desc(), HISTORY.c.sequence.desc())


async def position(session: AsyncSession, meant: UUID | Place) -> Place:
    """Place of an execution in the list; where it was deleted since, the place that its id's time tells."""
    if isinstance(meant, Place):
        return meant
    place = select(HISTORY.c.executed_at, HISTORY.c.sequence).where(HISTORY.c.id == meant)
    if row := (await session.execute(place)).one_or_none():
        return Place(row.executed_at, row.sequence)
    return Place(_made_at(meant), 0)


def _made_at(identifier: UUID) -> dt.datetime:
    milliseconds = identifier.int >> 80 if identifier.version == _UUID_TIMED else 0
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)


def before(place: Place) -> ColumnElement[bool]:
    """What is older than a place in the list."""
    time, sequence = place
    # The first half is implied by the second, and is what an index can begin at.
    return and_(
        HISTORY.c.executed_at <= time, tuple_(HISTORY.c.executed_at, HISTORY.c.sequence) < tuple_(time, sequence)
    )
