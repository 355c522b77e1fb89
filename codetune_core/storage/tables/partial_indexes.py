"""Indexes with options of one dialect, apart from their tables because SQLAlchemy loads that dialect for them.

Only what compares or draws the schema imports this, which adds them to the tables.
"""

from typing import Any

from sqlalchemy import Index, text

from codetune_core.storage.tables.cache import CachedAnswerRow as Answer
from codetune_core.storage.tables.history import ExecutionRow as Execution
from codetune_core.storage.tables.prompts import PromptRow as Prompt


def _partial(name: str, *columns: Any, where: str, sqlite: str = "", unique: bool = False) -> None:
    Index(name, *columns, unique=unique, sqlite_where=text(sqlite or where), postgresql_where=text(where))


_partial("uq_prompt_library_active_name", Prompt.name, where="is_active", unique=True)
Index("ix_prompt_library_tags", Prompt.tags, postgresql_using="gin").ddl_if(dialect="postgresql")
_partial("ix_execution_history_failed", Execution.executed_at, Execution.sequence, where="error_kind IS NOT NULL")
_partial("ix_execution_history_content", Execution.executed_at, where="keep = 'full'")
_partial("ix_execution_history_open", Execution.executed_at, where="success IS NULL OR keep = 'nothing'")
_partial("ix_model_cache_invalid", Answer.id, where="NOT is_valid", sqlite="is_valid = 0")
