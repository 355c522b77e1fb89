"""Executions to rows of ``execution_history`` and back."""

import datetime as dt
from dataclasses import fields
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any, cast

from pydantic import JsonValue
from sqlalchemy import RowMapping, String, Table

from codetune_core.domain.execution import ErrorKind, Execution, Keep, Outcome, Task
from codetune_core.storage.tables.history import ExecutionRow

HISTORY = cast("Table", ExecutionRow.__table__)
COLUMNS = tuple(HISTORY.c[field.name] for field in fields(Execution))
"""What an Execution says, in its order: everything but ``sequence``."""
STUB = ("id", "executed_at", "task", "user_id", "success", "estimated_cost_usd")
"""What stays of an execution of which nothing is kept, as long as a budget counts it."""
CONTENT = ("input_data", "rendered_prompt", "output_data", "error_message", "user_feedback_text")
"""What may quote code or a question."""
_PATH_BYTES = 2000
"""An entry of a B-tree of PostgreSQL holds 2,704 bytes, with what stands beside the path."""
_KINDS = {"task": Task, "keep": Keep, "error_kind": ErrorKind, "outcome": Outcome}


def to_values(execution: Execution) -> dict[str, Any]:
    """Values by column, as either database takes them."""
    return {column.name: storable(column.name, getattr(execution, column.name)) for column in COLUMNS}


def storable(column: str, value: Any) -> Any:
    """A value as the column holds it: a name that is longer is cut, so that recording never fails for it.

    So is a folder's path that does not fit an index of PostgreSQL; a part of its hash tells it from others.
    """
    match value:
        case StrEnum():
            return value.value
        case dt.datetime() | Decimal() | None:
            return value
        case str():
            if column == "workspace":
                return _indexable(clean(value))
            kind = HISTORY.c[column].type
            return clean(value)[: kind.length if isinstance(kind, String) else None]
        case _ if column in {"input_data", "cache_key"}:
            return _clean_json(dict(value))
    return value


def clean(text: str) -> str:
    """The text without what PostgreSQL cannot hold: NUL and lone surrogates become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def _indexable(path: str) -> str:
    if len(path.encode()) <= _PATH_BYTES:
        return path
    digest = sha256(path.encode()).hexdigest()
    return f"{path.encode()[: _PATH_BYTES - len(digest) - 1].decode(errors='ignore')}~{digest}"


def _clean_json(value: JsonValue) -> JsonValue:
    match value:
        case str():
            return clean(value)
        case list() | tuple():
            return [_clean_json(item) for item in value]
        case dict():
            return {clean(key): _clean_json(item) for key, item in value.items()}
    return value


def to_execution(row: RowMapping) -> Execution:
    """Read a row of `COLUMNS`."""
    values = dict(row)
    for name, kind in _KINDS.items():
        if values[name] is not None:
            values[name] = kind(values[name])
    return Execution(**values)
