"""What executions cost so far, and the refusal of what would pass a limit."""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from codetune_core.domain.execution import Execution, Keep
from codetune_core.errors import BudgetSpent
from codetune_core.history.protocol import Limit
from codetune_core.storage.history_rows import HISTORY, storable
from codetune_core.storage.tables.base import Money
from codetune_core.storage.tables.history import DailyFiguresRow

_DAY = dt.timedelta(days=1)
_LOCKS = 0x0C0DE70E
"""First half of the keys of PostgreSQL's advisory locks on budgets."""
OPEN = or_(HISTORY.c.success.is_(None), HISTORY.c.keep == Keep.NOTHING.value)
"""Rows that no trigger has counted; an index holds them."""


async def spent(session: AsyncSession, since: dt.datetime, user_id: str | None) -> Decimal:
    """US dollars since the UTC midnight of ``since``, by a user or by everybody.

    One statement, so that an execution that ends meanwhile is counted once.
    """
    midnight = since.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    cost = HISTORY.c.estimated_cost_usd
    kind = "user" if user_id is not None else "model"
    ended = select(func.sum(DailyFiguresRow.cost_usd, type_=Money)).where(
        DailyFiguresRow.kind == kind, DailyFiguresRow.day >= midnight.date()
    )
    running = select(func.sum(cost, type_=Money)).where(OPEN, HISTORY.c.executed_at >= midnight)
    if user_id is not None:
        ended = ended.where(DailyFiguresRow.key == storable("user_id", user_id))
        running = running.where(HISTORY.c.user_id == storable("user_id", user_id))
    row = (await session.execute(select(ended.scalar_subquery(), running.scalar_subquery()))).one()
    return sum((part for part in row if part is not None), Decimal(0))


async def check(session: AsyncSession, execution: Execution, limits: Sequence[Limit]) -> None:
    """Raise BudgetSpent where the execution would pass a limit; until the transaction ends nobody else begins.

    What has no price is let through: it cannot be counted.
    """
    cost = execution.estimated_cost_usd
    if cost is None:
        return
    await _wait_for_turn(session, limits)
    for limit in limits:
        so_far = await spent(session, limit.since, limit.user_id)
        if so_far + cost > limit.usd:
            raise BudgetSpent(_refusal(limit, so_far, cost))


async def _wait_for_turn(session: AsyncSession, limits: Sequence[Limit]) -> None:
    if session.get_bind().dialect.name != "postgresql":
        return  # a writing transaction of SQLite is alone
    scopes = sorted("" if limit.user_id is None else f"user {limit.user_id}" for limit in limits)
    for scope in scopes:
        await session.execute(select(func.pg_advisory_xact_lock(_LOCKS, func.hashtext(scope))))


def _refusal(limit: Limit, so_far: Decimal, cost: Decimal) -> str:
    whose = "the budget of all users together" if limit.user_id is None else f"the budget of {limit.user_id or 'you'}"
    resets = (limit.since.astimezone(dt.UTC) + _DAY).strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{whose} is {limit.usd:f} USD a day: {so_far.normalize():f} USD are spent or held for running executions, and "
        f"this one may cost {cost.normalize():f} USD. It starts anew at {resets}"
    )
