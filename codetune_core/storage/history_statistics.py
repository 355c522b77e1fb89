"""Figures of the history by prompt, version, model, day or user, from the daily sums that triggers keep."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from codetune_core.history.protocol import Group, Grouping
from codetune_core.storage.tables.base import Money
from codetune_core.storage.tables.history import DailyFiguresRow as Daily

_SUMS = ("executions", "succeeded", "from_cache", "generated", "execution_time_ms", "tokens", "cost_usd", "unpriced")
_JUDGED = ("rated", "rating_sum", "judged", "accepted")


async def statistics(
    session: AsyncSession, by: Grouping, since: dt.datetime | None, keys: Sequence[UUID] = ()
) -> list[Group]:
    """Return figures by key since a UTC day, the busiest first; days in their order, the newest first.

    Of these prompts or versions only, where there are any.
    """
    groups = [_group(row) for row in await session.execute(figures(by, since, keys))]
    return [replace(group, key=str(UUID(group.key))) for group in groups] if by in {"prompt", "version"} else groups


def figures(by: Grouping, since: dt.datetime | None, keys: Sequence[UUID] = ()) -> Select[Any]:
    """Return the query behind `statistics`."""
    key = Daily.day if by == "day" else Daily.key
    kind = "model" if by == "day" else by
    sums = [
        func.sum(column, type_=Money if name == "cost_usd" else None).label(name)
        for name in (*_SUMS, *_JUDGED)
        for column in (getattr(Daily, name),)
    ]
    query = select(key.label("key"), *sums).where(Daily.kind == kind).group_by(key)
    if keys:
        query = query.where(Daily.key.in_([written for key in keys for written in (key.hex, str(key))]))
    if since is not None:
        query = query.where(Daily.day >= since.astimezone(dt.UTC).date())
    return query.order_by(key.desc()) if by == "day" else query.order_by(sums[0].desc(), key)


def _group(row: Row[Any]) -> Group:
    return Group(
        key=str(row.key),
        executions=row.executions,
        succeeded=row.succeeded,
        from_cache=row.from_cache,
        average_ms=row.execution_time_ms / row.generated if row.generated else None,
        tokens=int(row.tokens),
        cost_usd=row.cost_usd,
        unpriced=row.unpriced,
        rated=row.rated,
        average_rating=row.rating_sum / row.rated if row.rated else None,
        judged=row.judged,
        accepted=row.accepted,
    )
