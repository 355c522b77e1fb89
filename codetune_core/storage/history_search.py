"""Full-text search in the history: the newest executions that contain all the words asked for.

Rare and frequent words want opposite ways: what is rare is fetched from the index of words and then sorted, what is
frequent is met soon on the way from the newest execution down. Which it is, is counted first, up to a bound.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    cast,
    collate,
    false,
    func,
    literal,
    literal_column,
    select,
    table,
    text,
)
from sqlalchemy import column as named
from sqlalchemy.ext.asyncio import AsyncSession

from codetune_core.history.protocol import Filter, Place
from codetune_core.storage.history_query import before, conditions, newest_first, position
from codetune_core.storage.history_rows import COLUMNS, HISTORY
from codetune_core.storage.history_words import Phrase, fts5, like_patterns, phrases, tsquery

FEW = 3000
"""So many candidates are fetched and sorted."""
_HELD = 20_000
"""So many rows that a filter lets through are held together while the matches are walked."""
_WALK = ("jit", "enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_sort")
"""What PostgreSQL does without, so that it goes through executions from the newest on until the page is full."""
_FETCH = ("jit", "enable_seqscan")
_SEARCH = table("execution_search", named("rowid", BigInteger), named("sequence", BigInteger), named("words"))


def matches(where: Filter, dialect: str) -> list[ColumnElement[bool]]:
    """Conditions on ``execution_history`` for a filter with its text, however many rows fulfil them."""
    if not where.text.strip():
        return conditions(where)
    wanted = phrases(where.text)
    if not wanted:
        return [false()]
    if dialect == "sqlite":
        return [*conditions(where), HISTORY.c.sequence.in_(select(_SEARCH.c.rowid).where(_match(wanted)))]
    found = select(_SEARCH.c.sequence).where(_contains(wanted))
    return [*conditions(where), HISTORY.c.sequence.in_(found), *_in_order(wanted)]


async def newest(session: AsyncSession, where: Filter, after: UUID | Place | None, limit: int) -> Select[Any]:
    """Return the query of the ``limit`` newest executions that match a filter with a text, older than ``after``."""
    wanted = phrases(where.text)
    if not wanted:
        return select(*COLUMNS).where(false())
    place = await position(session, after) if after is not None else None
    if session.get_bind().dialect.name == "sqlite":
        found = await _on_sqlite(session, where, wanted, place[1] if place else None)
    else:
        older = [before(place)] if place else []
        found = await _on_postgresql(session, [*conditions(where), *older], wanted, limit)
    return found.limit(limit)


async def _on_sqlite(session: AsyncSession, where: Filter, wanted: Sequence[Phrase], below: int | None) -> Select[Any]:
    """Walk the matches, which FTS5 gives in the order they were written, past what a filter does not let through."""
    _, *filters = conditions(where)  # something is kept of all that has a text
    row = literal_column("+execution_search.rowid", BigInteger)  # the sign keeps FTS5 from being asked row by row
    found = select(*COLUMNS).join_from(_SEARCH, HISTORY, HISTORY.c.sequence == row).where(_match(wanted))
    if below is not None:
        found = found.where(_SEARCH.c.rowid < below)
    if filters:
        let_through = select(HISTORY.c.sequence).where(*filters)
        if await _number(session, let_through, _HELD) < _HELD:
            filters = [row.in_(let_through)]
        elif where.until is not None:
            found = found.where(_SEARCH.c.rowid <= _last_before(where.until))
    return found.where(*filters).order_by(_SEARCH.c.rowid.desc())


def _last_before(until: dt.datetime) -> ColumnElement[int]:
    """Where the walk begins; an execution that began before was not written after thousands that began since."""
    newest = newest_first(select(HISTORY.c.sequence).where(HISTORY.c.executed_at < until)).limit(_HELD).subquery()
    return select(func.max(newest.c.sequence)).scalar_subquery()


async def _on_postgresql(
    session: AsyncSession, filters: Sequence[ColumnElement[bool]], wanted: Sequence[Phrase], limit: int
) -> Select[Any]:
    """Fetch all candidates from the index of words where they are few, else walk what the filter lets through.

    Counting what is frequent costs more than meeting it, so the beginning of the walk is tried first.
    """
    await _without(session, _FETCH)
    found = select(_SEARCH.c.sequence).where(_contains(wanted))
    last = newest_first(select(HISTORY.c.sequence).where(*filters)).limit(FEW)
    soon = await _number(session, found.where(_SEARCH.c.sequence.in_(last)), limit) == limit
    if not soon and await _number(session, found, FEW) < FEW:
        few = found.cte("found").prefix_with("MATERIALIZED")
        query = select(*COLUMNS).join_from(few, HISTORY, HISTORY.c.sequence == few.c.sequence)
    else:
        await _without(session, _WALK)
        query = select(*COLUMNS).join(_SEARCH, HISTORY.c.sequence == _SEARCH.c.sequence).where(_contains(wanted))
    return newest_first(query.where(*filters, *_in_order(wanted)))


async def _number(session: AsyncSession, rows: Select[Any], most: int) -> int:
    counted = select(func.count()).select_from(rows.limit(most).subquery())
    return (await session.execute(counted)).scalar_one()


async def _without(session: AsyncSession, settings: Sequence[str]) -> None:
    await session.execute(select(*(func.set_config(name, "off", True) for name in settings)))  # noqa: FBT003


def _match(wanted: Sequence[Phrase]) -> ColumnElement[bool]:
    return text("execution_search MATCH :wanted").bindparams(wanted=fts5(wanted))  # type: ignore[return-value]


def _contains(wanted: Sequence[Phrase]) -> ColumnElement[bool]:
    from sqlalchemy.dialects.postgresql import TSQUERY  # noqa: PLC0415 - takes long, and SQLite does without it

    return _SEARCH.c.words.bool_op("@@")(cast(_folded(tsquery(wanted)), TSQUERY))


def _in_order(wanted: Sequence[Phrase]) -> list[ColumnElement[bool]]:
    """What makes phrases of words: a tsvector has no positions, since it could not hold those of a long text."""
    said = func.execution_words(HISTORY.c.output_data, HISTORY.c.rendered_prompt, HISTORY.c.input_data, type_=Text)
    between = literal(" ") + said + literal(" ")
    return [between.like(_folded(pattern)) for pattern in like_patterns(wanted)]


def _folded(written: str) -> ColumnElement[str]:
    return func.lower(collate(literal(written, Text), "und-x-icu"), type_=Text)
