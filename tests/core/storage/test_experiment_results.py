"""What is counted of an experiment, on both databases."""

import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import event, insert, text

from codetune_core.domain.deployment import Arm, Experiment
from codetune_core.domain.identifiers import new_id
from codetune_core.prompts.experiments.confidence_sequence import NONE, Counts
from codetune_core.prompts.experiments.protocol import ArmResults
from codetune_core.storage.experiment_results import SqlExperimentResults
from codetune_core.storage.tables.history import ExecutionRow

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def experiment(*weights: float) -> Experiment:
    arms = [
        Arm(name=f"v{number}", version_id=UUID(int=number), version_number=number, weight=weight)
        for number, weight in enumerate(weights or (1, 1), 1)
    ]
    return Experiment(id="e1", arms=tuple(arms))


def row(arm: str, session: str, **other) -> dict:
    """A successful execution; ``other`` says what differs."""
    values = {
        "id": new_id(), "executed_at": NOW, "task": "review", "keep": "metadata", "experiment_id": "e1",
        "experiment_arm": arm, "session_id": session, "success": True, "from_cache": False, "execution_time_ms": 100.0,
        "outcome": None, "error_kind": None, "user_feedback": None, "estimated_cost_usd": None,
    }  # fmt: skip
    return values | other


async def check(database, rows, *weights) -> dict[str, ArmResults]:
    """Record executions in this order and count them."""
    if rows:
        async with database.write() as session:
            for values in rows:
                await session.execute(insert(ExecutionRow).values(**values))
    found = await SqlExperimentResults(database).results(experiment(*weights))
    return {results.arm: results for results in found}


async def test_an_experiment_without_executions_has_empty_arms_in_its_order(database):
    assert await check(database, [], 1, 2, 3) == {name: ArmResults(name) for name in ("v1", "v2", "v3")}


async def test_sessions_are_counted_once_and_executions_each(database):
    found = await check(database, [row("v1", "a"), row("v1", "a"), row("v1", "b"), row("v2", "c")])

    assert (found["v1"].sessions, found["v1"].executions) == (2, 3)
    assert (found["v2"].sessions, found["v2"].executions) == (1, 1)


async def test_an_execution_without_a_session_counts_as_one_of_its_own(database):
    found = await check(database, [row("v1", "", outcome="accepted"), row("v1", "", outcome="rejected")])

    assert found["v1"].sessions == 2
    assert found["v1"].judged == Counts(2, 1)


async def test_executions_of_other_experiments_and_of_none_are_not_counted(database):
    found = await check(database, [row("v1", "a", experiment_id="e2"), row("v1", "a", experiment_id="")])

    assert found["v1"] == ArmResults("v1")


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        ("accepted", Counts(1, 1)),
        ("edited", Counts(1, 1)),
        ("kept", Counts(1, 1)),
        ("rejected", Counts(1, 0)),
        ("reverted", Counts(1, 0)),
        ("shown", NONE),
        (None, NONE),
    ],
)
async def test_outcomes_say_whether_an_answer_was_judged_and_accepted(database, outcome, counts):
    assert (await check(database, [row("v1", "a", outcome=outcome)]))["v1"].judged == counts


async def test_a_session_is_judged_by_its_first_judged_answer(database):
    outcomes = ["shown", None, "rejected", "accepted", "accepted"]

    found = await check(database, [row("v1", "a", outcome=outcome) for outcome in outcomes])

    assert found["v1"].judged == Counts(1, 0)


@pytest.mark.parametrize(
    ("first", "counts"),
    [
        ({}, Counts(1, 0)),
        ({"success": False, "error_kind": "timeout"}, Counts(1, 1)),
        ({"success": False, "error_kind": "invalid_output"}, Counts(1, 1)),
        ({"success": False, "error_kind": "cancelled"}, Counts(1, 0)),
        ({"success": False, "error_kind": "budget_spent"}, Counts(1, 0)),
        ({"success": None}, Counts(1, 0)),
    ],
)
async def test_a_session_fails_where_its_first_execution_that_ended_did(database, first, counts):
    found = await check(database, [row("v1", "a", **first), row("v1", "a"), row("v1", "a", success=False)])

    assert found["v1"].ended == counts


async def test_whole_blocks_hold_the_first_sessions_of_each_arm(database):
    control = [row("v1", f"a{i}", outcome="accepted" if i < 2 else "rejected") for i in range(5)]
    treatment = [row("v2", f"b{i}", outcome="accepted") for i in range(3)]

    found = await check(database, control + treatment)

    assert found["v1"].judged == Counts(5, 2)
    assert found["v1"].judged_blocks == Counts(3, 2)
    assert found["v2"].judged_blocks == Counts(3, 3)


async def test_blocks_follow_the_weights(database):
    rows = [row("v1", f"a{i}", outcome="accepted") for i in range(8)]
    rows += [row("v2", f"b{i}", outcome="rejected") for i in range(3)]

    found = await check(database, rows, 0.75, 0.25)

    assert found["v1"].judged_blocks == Counts(6, 6)
    assert found["v2"].judged_blocks == Counts(2, 0)
    assert found["v1"].ended_blocks == Counts(6, 0)


async def test_every_arm_is_cut_to_the_blocks_that_the_emptiest_one_fills(database):
    rows = [row(f"v{arm}", f"{arm}-{i}", outcome="accepted") for arm in (1, 2, 3) for i in range(arm + 1)]

    found = await check(database, rows, 1, 1, 1)

    assert [results.judged_blocks.units for results in found.values()] == [2, 2, 2]


async def test_without_a_judged_session_in_one_arm_there_is_no_block(database):
    found = await check(database, [row("v1", "a", outcome="accepted"), row("v2", "b")])

    assert (found["v1"].judged, found["v1"].judged_blocks, found["v2"].judged_blocks) == (Counts(1, 1), NONE, NONE)


async def test_times_are_compared_session_by_session_with_the_controls(database):
    rows = [row("v1", f"a{i}", execution_time_ms=100.0) for i in range(4)]
    rows += [row("v2", f"b{i}", execution_time_ms=ms) for i, ms in enumerate([90.0, 125.0, 126.0])]
    rows += [row("v3", "c", execution_time_ms=1_000.0)]

    found = await check(database, rows, 1, 1, 1)

    assert [results.timed for results in found.values()] == [NONE, Counts(3, 1), Counts(1, 1)]


async def test_only_answers_that_were_generated_are_timed(database):
    slow = {"execution_time_ms": 9_999.0}
    rows = [
        row("v1", "a"),
        row("v2", "b", from_cache=True, execution_time_ms=1.0),
        row("v2", "b", success=False, **slow),
    ]
    rows += [row("v2", "b", execution_time_ms=None), row("v2", "b", execution_time_ms=300.0)]

    found = await check(database, rows)

    assert found["v2"].timed == Counts(1, 1)
    assert found["v2"].average_ms == 300


async def test_ratings_are_averaged_and_known_costs_summed(database):
    rows = [row("v1", "a", user_feedback=5, estimated_cost_usd=Decimal("0.000001")), row("v1", "b", user_feedback=2)]
    rows += [row("v1", "c", estimated_cost_usd=Decimal("0.02"))]

    found = await check(database, rows)

    assert found["v1"].average_rating == pytest.approx(3.5)
    assert found["v1"].cost_usd == Decimal("0.020001")
    assert found["v2"].cost_usd is None


async def test_in_fifty_thousand_rows_the_experiments_are_found_by_its_index_and_never_joined(database):
    await check(database, [row("v1", "s", experiment_id="", outcome="accepted")])
    await copy_row(database, 50_000)
    await check(database, [row(f"v{i % 2 + 1}", f"t{i}", outcome="accepted") for i in range(60)])
    async with database.write() as session:
        await session.execute(text("ANALYZE"))

    plans = await explained(database)

    assert len(plans) == 6
    assert all("ix_execution_history_experiment_id" in plan for plan in plans)
    assert not any("SCAN execution_history" in plan or "Seq Scan on execution_history" in plan for plan in plans)
    assert not any(word in plan for plan in plans for word in ("Nested Loop", "Join", "MATERIALIZE"))


async def copy_row(database, times: int) -> None:
    """Copy the only row, each copy with an id and a session of its own."""
    number = "printf('%032x', i)" if database.url.dialect == "sqlite" else "lpad(to_hex(i), 32, '0')::uuid"
    columns = [column.name for column in ExecutionRow.__table__.columns if column.name != "sequence"]
    values = [{"id": number, "session_id": "'s' || i"}.get(name, name) for name in columns]
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {times}) "
    into = f"INSERT INTO execution_history ({', '.join(columns)}) "
    async with database.write() as session:
        await session.execute(text(f"{numbers}{into}SELECT {', '.join(values)} FROM execution_history, n"))


async def explained(database) -> list[str]:
    """The plan of every query that the results take, as the database would run it."""
    asked = []
    listener = lambda *given: asked.append((given[2], given[3]))  # noqa: E731
    event.listen(database.engine.sync_engine, "before_cursor_execute", listener)
    found = await check(database, [])
    event.remove(database.engine.sync_engine, "before_cursor_execute", listener)
    assert found["v1"].judged.units == 30
    explain = "EXPLAIN QUERY PLAN " if database.url.dialect == "sqlite" else "EXPLAIN "
    async with database.connection() as connection:
        queries = [query for query in asked if "execution_history" in query[0]]
        plans = [await connection.exec_driver_sql(explain + statement, given) for statement, given in queries]
        return ["\n".join(str(line) for line in plan) for plan in plans]
