"""What came of an experiment's arms, counted in the history: the unit is the session, as that is what was assigned."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Row,
    Select,
    SQLColumnExpression,
    String,
    and_,
    case,
    cast,
    distinct,
    func,
    literal,
    not_,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession

from codetune_core.domain.deployment import Experiment
from codetune_core.domain.execution import ErrorKind, Outcome
from codetune_core.prompts.experiments.confidence_sequence import NONE, Counts, block_sizes
from codetune_core.prompts.experiments.protocol import SLOWER, ArmResults
from codetune_core.storage.database import Database
from codetune_core.storage.tables.history import ExecutionRow

_ACCEPTED = (Outcome.ACCEPTED, Outcome.EDITED, Outcome.KEPT)
_JUDGED = (*_ACCEPTED, Outcome.REJECTED, Outcome.REVERTED)
_NOT_OF_THE_VERSION = (ErrorKind.CANCELLED, ErrorKind.BUDGET_SPENT)

_SESSION = func.coalesce(func.nullif(ExecutionRow.session_id, ""), cast(ExecutionRow.id, String))
_ENDED = and_(
    ExecutionRow.success.is_not(None),
    or_(ExecutionRow.error_kind.is_(None), ExecutionRow.error_kind.not_in(_NOT_OF_THE_VERSION)),
)
_GENERATED = and_(
    ExecutionRow.success.is_(True), ExecutionRow.from_cache.is_(False), ExecutionRow.execution_time_ms.is_not(None)
)


class SqlExperimentResults:
    """ExperimentResults of a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def results(self, experiment: Experiment) -> tuple[ArmResults, ...]:
        names = [arm.name for arm in experiment.arms]
        sizes = dict(zip(names, block_sizes([arm.weight for arm in experiment.arms]), strict=True))
        judged = _firsts(experiment, ExecutionRow.outcome.in_(_JUDGED), ExecutionRow.outcome.in_(_ACCEPTED))
        ended = _firsts(experiment, _ENDED, not_(ExecutionRow.success))
        async with self._database.read() as session:
            totals = {row.arm: row for row in await session.execute(_totals(experiment))}
            by_judged = await _counts(session, judged, sizes)
            by_ended = await _counts(session, ended, sizes)
            timed = {row.arm: Counts(row.units, row.hits) for row in await session.execute(_pairs(experiment))}
        return tuple(
            _arm_results(name, totals.get(name), by_judged[name], by_ended[name], timed.get(name, NONE))
            for name in sizes
        )


@dataclass(frozen=True, slots=True)
class _Firsts:
    """Counts of all sessions, and of those that fill whole blocks."""

    all: Counts
    blocks: Counts


def _arm_results(name: str, totals: Row[Any] | None, judged: _Firsts, ended: _Firsts, timed: Counts) -> ArmResults:
    if totals is None:
        return ArmResults(name)
    return ArmResults(
        name, totals.sessions, totals.executions, judged.all, judged.blocks, ended.all, ended.blocks, timed,
        totals.average_ms, None if totals.rating is None else float(totals.rating), totals.cost,
    )  # fmt: skip


def _totals(experiment: Experiment) -> Select[Any]:
    return (
        select(
            ExecutionRow.experiment_arm.label("arm"),
            func.count(distinct(_SESSION)).label("sessions"),
            func.count(case((_ENDED, 1))).label("executions"),
            func.avg(case((_GENERATED, ExecutionRow.execution_time_ms))).label("average_ms"),
            func.avg(ExecutionRow.user_feedback).label("rating"),
            func.sum(ExecutionRow.estimated_cost_usd).label("cost"),
        )
        .where(ExecutionRow.experiment_id == experiment.id)
        .group_by(ExecutionRow.experiment_arm)
    )


def _firsts(experiment: Experiment, where: ColumnElement[bool], value: SQLColumnExpression[Any]) -> CTE:
    """Of each session its first execution of a kind: its arm, its place among those of the arm, and a value."""
    turn = func.row_number().over(partition_by=(ExecutionRow.experiment_arm, _SESSION), order_by=ExecutionRow.sequence)
    executions = (
        select(
            ExecutionRow.experiment_arm.label("arm"), ExecutionRow.sequence, value.label("value"), turn.label("turn")
        )
        .where(ExecutionRow.experiment_id == experiment.id, where)
        .subquery()
    )
    place = func.row_number().over(partition_by=executions.c.arm, order_by=executions.c.sequence)
    return select(executions.c.arm, executions.c.value, place.label("place")).where(executions.c.turn == 1).cte()


async def _counts(session: AsyncSession, firsts: CTE, sizes: Mapping[str, int]) -> dict[str, _Firsts]:
    """Count sessions and hits by arm, and again of the first that fill as many blocks as every arm fills."""
    counted = await _count(session, firsts, literal(value=True))
    every = {arm: counted.get(arm, NONE) for arm in sizes}
    blocks = min(every[arm].units // size for arm, size in sizes.items())
    within = or_(*(and_(firsts.c.arm == arm, firsts.c.place <= blocks * size) for arm, size in sizes.items()))
    first = await _count(session, firsts, within)
    return {arm: _Firsts(every[arm], first.get(arm, NONE)) for arm in sizes}


async def _count(session: AsyncSession, firsts: CTE, where: ColumnElement[bool]) -> dict[str, Counts]:
    query = select(firsts.c.arm, func.count(), func.count(case((firsts.c.value, 1)))).where(where)
    return {arm: Counts(units, hits) for arm, units, hits in await session.execute(query.group_by(firsts.c.arm))}


def _pairs(experiment: Experiment) -> Select[Any]:
    """Compare the times of the n-th sessions of each arm and of the control, by one sort: a join would be quadratic."""
    times = _firsts(experiment, _GENERATED, ExecutionRow.execution_time_ms)
    control = experiment.arms[0].name
    of_control = func.max(case((times.c.arm == control, times.c.value))).over(partition_by=times.c.place)
    pairs = select(times.c.arm, times.c.value, of_control.label("of_control")).subquery()
    slower = pairs.c.value > SLOWER * pairs.c.of_control
    return (
        select(pairs.c.arm, func.count().label("units"), func.count(case((slower, 1))).label("hits"))
        .where(pairs.c.of_control.is_not(None), pairs.c.arm != control)
        .group_by(pairs.c.arm)
    )
