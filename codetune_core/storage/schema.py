"""The schema as the code knows it: all tables, what else belongs to it, and how Alembic compares it with a database."""

from collections.abc import Iterable, Mapping
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations.ops import AlterColumnOp, MigrationScript, ModifyTableOps
from sqlalchemy import Identity, Index
from sqlalchemy.sql.schema import SchemaItem

import codetune_core.storage.tables.partial_indexes  # noqa: F401 - adds them to the tables
from codetune_core.storage.tables import cache, embeddings, history, keys, prompts, rates, training
from codetune_core.storage.tables.base import Base

METADATA = Base.metadata
TABLES = (
    prompts.PromptRow,
    prompts.PromptVersionRow,
    prompts.DeploymentRow,
    history.ExecutionRow,
    history.DailyFiguresRow,
    cache.CachedAnswerRow,
    training.TrainingConfigRow,
    training.TrainingMetricRow,
    history.MaintenanceRow,
    embeddings.EmbeddingRow,
    keys.ServiceKeyRow,
    rates.RateWindowRow,
)
"""In the order of their revisions."""

_GUARDS = (
    *(f"prompt_versions_{guard}" for guard in ("unchanged", "kept")),
    *(f"prompt_deployments_{guard}" for guard in ("unchanged", "kept")),
    *(f"execution_daily_{event}" for event in ("insert", "update", "delete")),
    *(f"execution_search_{event}" for event in ("insert", "update")),
)
TRIGGERS: Mapping[str, frozenset[str]] = {
    "sqlite": frozenset(
        {
            *_GUARDS,
            "prompt_versions_not_replaced",
            "prompt_deployments_not_replaced",
            "execution_search_delete",
        }
    ),
    "postgresql": frozenset(
        {
            *_GUARDS,
            "prompt_versions_not_truncated",
            "prompt_deployments_not_truncated",
            "execution_daily_truncate",
        }
    ),
}
"""Names of the triggers by dialect: what Alembic does not compare."""
_SEARCH = ("execution_search", "ix_execution_history_words")


def comparison(dialect: str) -> dict[str, Any]:
    """Return the options with which Alembic compares the tables with a database."""

    def include_object(item: SchemaItem, _name: str | None, _kind: str, reflected: bool, _other: object) -> bool:  # noqa: FBT001 - Alembic's
        using = item.dialect_options["postgresql"]["using"] if isinstance(item, Index) and not reflected else None
        return using != "gin" or dialect == "postgresql"

    return {
        "target_metadata": METADATA,
        "include_name": _is_ours,
        "include_object": include_object,
        "compare_server_default": True,
        "process_revision_directives": _forgive_identities if dialect == "sqlite" else None,
        "render_as_batch": dialect == "sqlite",
    }


def _is_ours(name: str | None, _kind: str, _parents: Mapping[str, str | None]) -> bool:
    """Tell whether a name is compared; what full-text search is made of is beyond what Alembic knows."""
    return not (name or "").startswith(_SEARCH)


def _forgive_identities(_context: MigrationContext, _revision: object, scripts: Iterable[MigrationScript]) -> None:
    """Drop the differences that are none: SQLite numbers such columns by itself."""
    for script in scripts:
        for operations in script.upgrade_ops_list:
            for table in operations.ops:
                if isinstance(table, ModifyTableOps):
                    table.ops = [
                        each
                        for each in table.ops
                        if not (isinstance(each, AlterColumnOp) and isinstance(each.modify_server_default, Identity))
                    ]
