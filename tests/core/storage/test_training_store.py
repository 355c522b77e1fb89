"""Records of tuning in a database: what is read is what was written, in order and from an index."""

import datetime as dt

import pytest
from query_plans import plans

from codetune_core.domain.identifiers import new_id
from codetune_core.storage.training_store import SqlTrainingStore
from codetune_core.tuning.config import Lora, Metric, TrainingConfig
from codetune_core.tuning.protocol import MetricPlace

NOW = dt.datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=dt.UTC)
CONFIG = TrainingConfig(
    name="shop", model="m", dataset="d", lora=Lora(rank=8, alpha=0.5, target_modules=("a.b", "c")), learning_rate=3e-5
)


@pytest.fixture
def store(database):
    return SqlTrainingStore(database, lambda: NOW)


def measured(step, rank=0):
    return Metric(new_id(), 0.25, step, NOW, 1.5, None, rank)


async def test_a_set_up_is_read_as_it_was_written(store):
    made = await store.create(CONFIG, "ada" * 100)
    assert await store.find(made.id) == made
    assert (made.config, made.created_at, made.created_by) == (CONFIG, NOW, ("ada" * 100)[:100])
    assert await store.find(new_id()) is None


async def test_measurements_are_listed_in_order_from_the_index(store, database):
    run, other = await store.create(CONFIG, "ada"), await store.create(CONFIG, "ada")
    metrics = [measured(step, rank) for step in range(60) for rank in range(3)]
    assert await store.measured(run.id, metrics[::-1])
    assert await store.measured(other.id, [measured(1)])
    assert await store.measured(run.id, [])
    assert await store.metrics(run.id, limit=200) == metrics
    last = metrics[90]
    after = MetricPlace(last.step, last.process_rank, last.id)
    assert await store.metrics(run.id, after=after, limit=5) == metrics[91:96]
    assert await store.metrics(run.id, process_rank=2, after=after, limit=2) == [metrics[92], metrics[95]]
    if database.url.dialect == "sqlite":  # PostgreSQL reads a table as small as this one wholly
        for _, plan in await plans(database, lambda: store.metrics(run.id, after=after)):
            assert "ix_training_metric_config_id_step" in plan


async def test_a_run_that_is_not_there_measures_nothing(store):
    assert not await store.measured(new_id(), [measured(1)])
