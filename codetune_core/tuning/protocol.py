"""What tuning needs of its storage."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

from codetune_core.tuning.config import Metric, RecordedConfig, TrainingConfig


class MetricPlace(NamedTuple):
    """Where a Metric stands in the list of its run."""

    step: int
    process_rank: int
    id: UUID


class TrainingStore(Protocol):
    """Runs and what was measured in them; each method is one transaction."""

    async def create(self, config: TrainingConfig, by: str) -> RecordedConfig:
        """Record how a run is set up."""
        ...

    async def find(self, config_id: UUID) -> RecordedConfig | None:
        """Return how a run is set up."""
        ...

    async def measured(self, config_id: UUID, metrics: Sequence[Metric]) -> bool:
        """Record what was measured in a run; False where there is no such run."""
        ...

    async def metrics(
        self, config_id: UUID, *, process_rank: int | None = None, after: MetricPlace | None = None, limit: int = 50
    ) -> list[Metric]:
        """Return what was measured in a run, by step and process; of one process only where it is given."""
        ...
