"""What triggers derive from the history, computed a second time and not in SQL."""

from collections import Counter, defaultdict
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

from sqlalchemy import select

from codetune_core.storage.tables.history import DailyFiguresRow, ExecutionRow
from codetune_core.storage.tables.prompts import PromptRow

NIL = UUID(int=0)
KEY = ("kind", "key", "day")
FIGURES = [column.name for column in DailyFiguresRow.__table__.columns if column.name not in KEY]
JUDGED = {"accepted", "edited", "kept", "rejected", "reverted"}


def grid(milliseconds):
    """To 1/1024 ms, where the sums of the database are exact."""
    return Fraction(round(milliseconds * 1024), 1024)


def ran(row):
    lost = row.error_kind in {"cancelled", "invalid_input", "budget_spent"}
    return not row.from_cache and row.execution_time_ms is not None and not lost


def figures(row):
    """What one ended execution adds, said a second time and not in SQL."""
    return {
        "executions": 1,
        "succeeded": int(row.success),
        "from_cache": int(row.from_cache),
        "generated": int(ran(row)),
        "execution_time_ms": grid(row.execution_time_ms) if ran(row) else 0,
        "tokens": row.tokens_used or 0,
        "cost_usd": row.estimated_cost_usd or Decimal(0),
        "unpriced": int(row.estimated_cost_usd is None),
        "rated": int(row.user_feedback is not None),
        "rating_sum": row.user_feedback or 0,
        "judged": int(row.outcome in JUDGED),
        "accepted": int(row.outcome in {"accepted", "edited", "kept"}),
    }


def keys(row):
    """Whose figures a row counts for."""
    return {
        "prompt": row.prompt_id or NIL,
        "version": row.version_id or NIL,
        "model": row.model_used,
        "user": row.user_id,
    }


def key_of(row):
    return (row.kind, UUID(row.key) if row.kind in {"prompt", "version"} else row.key, row.day)


def added_up(history):
    sums, statistics = defaultdict(Counter), defaultdict(Counter)
    for row in history:
        if row.success is None or row.keep == "nothing":
            continue
        for kind, key in keys(row).items():
            for name, value in figures(row).items():
                sums[kind, key, row.executed_at.date()][name] += value
        if ran(row):
            statistics[row.prompt_id].update(
                total_executions=1,
                successful_executions=int(row.success),
                total_execution_time=grid(row.execution_time_ms),
            )
    return sums, statistics


async def check(database):
    """Compare every derived figure with what adding up gives."""
    async with database.read() as session:
        history = (await session.execute(select(ExecutionRow))).scalars().all()
        daily = (await session.execute(select(DailyFiguresRow))).scalars().all()
        prompts = (await session.execute(select(PromptRow))).scalars().all()
    sums, statistics = added_up(history)
    derived = {key_of(row): {name: getattr(row, name) for name in FIGURES} for row in daily}
    assert derived == {key: {name: counted[name] for name in FIGURES} for key, counted in sums.items()}
    for prompt in prompts:
        counted = statistics[prompt.id]
        total = counted["total_executions"]
        assert (prompt.total_executions, prompt.successful_executions) == (total, counted["successful_executions"])
        assert prompt.total_execution_time == counted["total_execution_time"]
        assert prompt.success_rate == (counted["successful_executions"] / total if total else None)
        assert prompt.avg_execution_time == (float(counted["total_execution_time"] / total) if total else None)
