"""What triggers derive from the history is what adding the history up gives, after whatever happened to it."""

import datetime as dt
import itertools
import random
from decimal import Decimal

import pytest
import rows
from derived import check
from sqlalchemy import delete, select, text, update

from codetune_core.storage.database import Database
from codetune_core.storage.tables.history import DailyFiguresRow, ExecutionRow
from codetune_core.storage.tables.prompts import PromptRow
from codetune_core.storage.url import parse_url


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
