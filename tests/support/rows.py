"""One valid row of every table, for tests of the schema itself."""

import datetime as dt
from decimal import Decimal

from codetune_core.domain.identifiers import new_id
from codetune_core.storage.tables.cache import CachedAnswerRow
from codetune_core.storage.tables.embeddings import EmbeddingRow
from codetune_core.storage.tables.history import ExecutionRow
from codetune_core.storage.tables.keys import ServiceKeyRow
from codetune_core.storage.tables.prompts import DeploymentRow, PromptRow, PromptVersionRow
from codetune_core.storage.tables.rates import RateWindowRow
from codetune_core.storage.tables.training import TrainingConfigRow, TrainingMetricRow

NOW = dt.datetime(2026, 3, 1, 23, 59, 59, 123456, tzinfo=dt.UTC)


def prompt(**values):
    return PromptRow(**{"id": new_id(), "name": f"p{new_id().hex}", "category": "other", "created_at": NOW, **values})


def version(of, number=1, **values):
    given = {
        "id": new_id(), "prompt_id": of.id, "version_number": number, "system_prompt": "s", "user_prompt_template": "u",
        "few_shot_examples": [], "variables": [{"name": "code"}], "temperature": 0.2, "max_tokens": 9, "decoding": {},
        "created_at": NOW, "content_hash": f"{number:064}",
    }  # fmt: skip
    return PromptVersionRow(**{**given, **values})


def deployment(of, **values):
    given = {"prompt_id": of.prompt_id, "version_id": of.id, "label": "production", "action": "deploy"}
    return DeploymentRow(**{**given, "deployed_at": NOW, **values})


def execution(of=None, **values):
    given = {
        "id": new_id(), "prompt_id": of and of.prompt_id, "version_id": of and of.id, "executed_at": NOW,
        "task": "review", "keep": "full", "input_data": {"code": "x = 1\neval(x)"}, "rendered_prompt": "Review x = 1",
        "output_data": "fine", "execution_time_ms": 12.5, "success": True, "tokens_used": 7, "model_used": "m",
        "estimated_cost_usd": Decimal("0.000000001"),
    }  # fmt: skip
    return ExecutionRow(**{**given, **values})


def cached(**values):
    given = {
        "id": new_id(), "model_name": "m", "model_revision": "", "prompt_hash": "p", "parameters_hash": "q",
        "sample_index": 0, "cached_output": {"output": "a"}, "tokens_used": 1, "size_bytes": 2, "created_at": NOW,
        "last_accessed_at": NOW, "expires_at": NOW,
    }  # fmt: skip
    return CachedAnswerRow(**{**given, **values})


def training_config(**values):
    given = {
        "id": new_id(), "name": "t", "created_at": NOW, "model": "m", "dataset": "d", "batch_size": 4,
        "learning_rate": 2e-4, "epochs": 3, "max_sequence_length": 2048, "warmup_steps": 10, "lora": {"rank": 16},
        "seed": 42,
    }  # fmt: skip
    return TrainingConfigRow(**{**given, **values})


def training_metric(of, **values):
    given = {"id": new_id(), "config_id": of.id, "epoch": 0.5, "step": 10, "train_loss": 1.5, "timestamp": NOW}
    return TrainingMetricRow(**{**given, **values})


def vector(**values):
    given = {
        "model_key": "k", "text_hash": "t", "model_name": "m", "vector": b"1234", "size_bytes": 4, "created_at": NOW,
        "last_used_at": NOW,
    }  # fmt: skip
    return EmbeddingRow(**{**given, **values})


def service_key(**values):
    given = {
        "id": "k1", "key_hash": "0" * 64, "user_id": "ada", "scopes": "execute read", "note": "", "created_at": NOW,
        "created_by": "admin",
    }  # fmt: skip
    return ServiceKeyRow(**{**given, **values})


def rate_window(**values):
    return RateWindowRow(**{"user_id": "ada", "window": 1, "current": 2, "previous": 3, **values})


async def add(database, *rows):
    """Write rows in one transaction, in their order."""
    async with database.write() as session:
        for row in rows:
            session.add(row)
            await session.flush()


async def fill(database):
    """Write one row of every table that is written; the daily figures follow."""
    owner = prompt(name="kept", tags=["a", "b"])
    first, config = version(owner), training_config()
    rows = (owner, first, deployment(first), execution(first), execution(success=None), cached(), config)
    await add(database, *rows, training_metric(config), vector(), service_key(), rate_window())
    return owner, first
