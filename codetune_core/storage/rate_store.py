"""Rate limits in the table ``rate_window``: one row for each user, one statement for each request."""

from importlib import import_module
from typing import Any

from sqlalchemy import ColumnElement, case, select

from codetune_core.execution.rate import Counts, Moment
from codetune_core.storage.database import Database
from codetune_core.storage.history_rows import storable
from codetune_core.storage.tables.rates import RateWindowRow as Row


class SqlRateStore:
    """Implements RateStore.

    A clock that is up to one window behind that of another replica counts in that one's window; a row that is further
    ahead is of a clock that was wrong, and starts anew.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, user_id: str, limit: int, moment: Moment) -> Counts | None:
        dialect: Any = import_module(f"sqlalchemy.dialects.{self._database.url.dialect}")
        current, previous = _seen(moment)
        ahead = Row.window == moment.window + 1
        first = {"user_id": storable("user_id", user_id), "window": moment.window, "current": 1, "previous": 0}
        taken = (
            dialect.insert(Row)
            .values(first)
            .on_conflict_do_update(
                index_elements=["user_id"],
                set_={
                    Row.window: case((ahead, Row.window), else_=moment.window),
                    Row.current: current + 1,
                    Row.previous: previous,
                },
                where=previous * case((ahead, 1.0), else_=1 - moment.elapsed) + current + 1 <= limit,
            )
            .returning(Row.current, Row.previous)
        )
        async with self._database.write() as session:
            row = (await session.execute(taken)).one_or_none()
        return Counts(*row) if row else None

    async def counts(self, user_id: str, moment: Moment) -> Counts:
        wanted = select(*_seen(moment)).where(Row.user_id == storable("user_id", user_id))
        async with self._database.read() as session:
            row = (await session.execute(wanted)).one_or_none()
        return Counts(*row) if row else Counts()


def _seen(moment: Moment) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """Return what a row counts for the current window and for the one before, as they are called now."""
    same, next_one = Row.window.in_([moment.window, moment.window + 1]), Row.window == moment.window - 1
    current = case((same, Row.current), else_=0)
    previous = case((same, Row.previous), (next_one, Row.current), else_=0)
    return current, previous
