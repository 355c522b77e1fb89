"""What triggers derive from the history is what adding the history up gives, after whatever happened to it."""

import datetime as dt
import itertools
import random
from collections import Counter, defaultdict
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
import rows
from sqlalchemy import delete, select, text, update

from codetune_core.storage.database import Database
from codetune_core.storage.tables.history import DailyFiguresRow, ExecutionRow
from codetune_core.storage.tables.prompts import PromptRow
from codetune_core.storage.url import parse_url

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


def drawn(draw, versions):
    """An execution with every field that counts drawn anew."""
    chosen = draw.choice([*versions, None])
    return {
        "prompt_id": chosen and chosen.prompt_id,
        "version_id": chosen and chosen.id,
        "executed_at": rows.NOW + dt.timedelta(seconds=draw.choice([0, 0, 1, 90_000])),
        "model_used": draw.choice(["m", "n"]),
        "user_id": draw.choice(["", "ada"]),
        "success": draw.choice([True, True, False, None]),
        "from_cache": draw.random() < 0.2,
        "keep": draw.choice(["full", "full", "metadata", "nothing"]),
        "execution_time_ms": draw.choice([None, 0.1, draw.uniform(0, 1e7)]),
        "error_kind": draw.choice([None, None, "timeout", "cancelled", "invalid_input", "budget_spent"]),
        "tokens_used": draw.choice([None, 0, 2_000_000_000]),
        "estimated_cost_usd": draw.choice([None, Decimal(0), Decimal(draw.randrange(10**12)).scaleb(-9)]),
        "user_feedback": draw.choice([None, 1, 5]),
        "outcome": draw.choice([None, "shown", "accepted", "edited", "rejected", "reverted", "kept"]),
    }


async def change(session, draw, versions):
    """Do one of the things that happen to a history."""
    ids = (await session.execute(select(ExecutionRow.id).order_by(ExecutionRow.sequence))).scalars().all()
    some = draw.sample(ids, min(len(ids), draw.choice([1, 1, 3, len(ids)])))
    kind = draw.choice(["insert", "insert", "update", "one field", "delete", "purge"])
    if kind == "insert" or not ids:
        session.add_all(rows.execution(**drawn(draw, versions)) for _ in range(draw.choice([1, 2, 7])))
    elif kind == "update":
        await session.execute(update(ExecutionRow).where(ExecutionRow.id.in_(some)).values(drawn(draw, versions)))
    elif kind == "one field":
        name = draw.choice(["success", "user_feedback", "outcome", "estimated_cost_usd", "keep"])
        values = {name: drawn(draw, versions)[name]}
        await session.execute(update(ExecutionRow).where(ExecutionRow.id.in_(some)).values(values))
    elif kind == "delete":
        await session.execute(delete(ExecutionRow).where(ExecutionRow.id.in_(some[:3])))
    elif len(versions) > 2:
        gone = versions.pop(draw.randrange(len(versions)))
        await session.execute(delete(PromptRow).where(PromptRow.id == gone.prompt_id))
        versions[:] = [version for version in versions if version.prompt_id != gone.prompt_id]


@pytest.mark.parametrize("seed", range(6))
async def test_any_sequence_of_changes_leaves_figures_that_add_up(database, seed):
    draw = random.Random(seed)
    prompts = [rows.prompt() for _ in range(3)]
    versions = [rows.version(prompt, number) for prompt in prompts for number in (1, 2)]
    await rows.add(database, *prompts, *versions)
    for step in range(40):
        async with database.write() as session:
            for _ in range(draw.choice([1, 1, 4])):
                await change(session, draw, versions)
        if step % 4 == 3:
            await check(database)


async def test_a_transaction_that_fails_changes_no_figure(database):
    _, version = await rows.fill(database)

    async def fail():
        async with database.write() as session:
            session.add(rows.execution(version))
            await session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await check(database)


async def test_figures_that_become_nothing_go(database):
    await rows.fill(database)
    async with database.write() as session:
        await session.execute(text("DELETE FROM execution_history"))
    async with database.read() as session:
        assert (await session.execute(select(DailyFiguresRow))).all() == []
    await check(database)


async def test_a_row_that_is_replaced_counts_once(sqlite_url):
    async with Database(parse_url(sqlite_url)) as database:
        await rows.fill(database)
        async with database.write() as session:
            await session.execute(text("REPLACE INTO execution_history SELECT * FROM execution_history"))
        await check(database)


async def test_times_add_up_exactly_in_any_order(database):
    """Of floats a sum would depend on the order: 0.1 and 1e7 milliseconds, added and taken away."""
    _, version = await rows.fill(database)
    times = [0.1, 1e7, 0.3, 123.456] * 5
    added = [rows.execution(version, execution_time_ms=time) for time in times]
    await rows.add(database, *added)
    await check(database)
    for row in itertools.islice(added, 0, None, 2):
        async with database.write() as session:
            await session.execute(delete(ExecutionRow).where(ExecutionRow.id == row.id))
    await check(database)
