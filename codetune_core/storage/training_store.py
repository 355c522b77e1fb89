"""The records of LoRA tuning in a database: runs, and what was measured in them."""

from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import insert, select, tuple_

from codetune_core.domain.clock import Clock, utc_now
from codetune_core.domain.identifiers import new_id
from codetune_core.storage.database import Database
from codetune_core.storage.prompt_rows import signature
from codetune_core.storage.tables.training import TrainingConfigRow, TrainingMetricRow
from codetune_core.tuning.config import Metric, RecordedConfig, TrainingConfig
from codetune_core.tuning.protocol import MetricPlace

_PLACE = (TrainingMetricRow.step, TrainingMetricRow.process_rank, TrainingMetricRow.id)


class SqlTrainingStore:
    """A TrainingStore."""

    def __init__(self, database: Database, now: Clock = utc_now) -> None:
        self._database = database
        self._now = now

    async def create(self, config: TrainingConfig, by: str) -> RecordedConfig:
        recorded = RecordedConfig(new_id(), config, self._now(), signature(by))
        stamped = {"id": recorded.id, "created_at": recorded.created_at, "created_by": recorded.created_by}
        async with self._database.write() as session:
            await session.execute(insert(TrainingConfigRow).values(**config.model_dump(mode="json"), **stamped))
        return recorded

    async def find(self, config_id: UUID) -> RecordedConfig | None:
        async with self._database.read() as session:
            row = await session.get(TrainingConfigRow, config_id)
            return _recorded(row) if row else None

    async def measured(self, config_id: UUID, metrics: Sequence[Metric]) -> bool:
        rows = [{"config_id": config_id, **_values(metric)} for metric in metrics]
        async with self._database.write() as session:
            run = select(TrainingConfigRow.id).where(TrainingConfigRow.id == config_id)
            if await session.scalar(run.with_for_update(read=True)) is None:
                return False
            if rows:
                await session.execute(insert(TrainingMetricRow), rows)
        return True

    async def metrics(
        self, config_id: UUID, *, process_rank: int | None = None, after: MetricPlace | None = None, limit: int = 50
    ) -> list[Metric]:
        wanted = select(TrainingMetricRow).where(TrainingMetricRow.config_id == config_id)
        if process_rank is not None:
            wanted = wanted.where(TrainingMetricRow.process_rank == process_rank)
        if after:
            # The first half is implied by the second, and is what an index can begin at.
            wanted = wanted.where(TrainingMetricRow.step >= after.step, tuple_(*_PLACE) > tuple_(*after))
        async with self._database.read() as session:
            return [_metric(row) for row in await session.scalars(wanted.order_by(*_PLACE).limit(limit))]


def _recorded(row: TrainingConfigRow) -> RecordedConfig:
    config = TrainingConfig.model_validate({name: getattr(row, name) for name in TrainingConfig.model_fields})
    return RecordedConfig(row.id, config, row.created_at, row.created_by)


def _values(metric: Metric) -> dict[str, object]:
    values = asdict(metric)
    return {**values, "timestamp": values.pop("at")}


def _metric(row: TrainingMetricRow) -> Metric:
    return Metric(row.id, row.epoch, row.step, row.timestamp, row.train_loss, row.eval_loss, row.process_rank)
