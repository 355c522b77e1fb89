"""The schema as the code knows it: all tables, and which names in a database are its own."""

from collections.abc import Mapping

from codetune_core.storage.tables import cache, history, prompts, training
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
)
"""In the order of their revisions."""
_SEARCH = "execution_search"


def is_ours(name: str | None, kind: str, parents: Mapping[str, str | None]) -> bool:  # noqa: ARG001 - Alembic's
    """Tell whether Alembic compares a name with the tables; the search index is beyond what it can compare."""
    return not (name or "").startswith(_SEARCH)
