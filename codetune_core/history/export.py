"""Executions as JSON: one object each, whose names are those of the columns, with or without what may hold code."""

import json
from dataclasses import fields
from typing import Any

from codetune_core.domain.execution import Execution

CONTENT = frozenset({"input_data", "rendered_prompt", "output_data", "error_message", "user_feedback_text"})
"""The fields that may quote code or a question."""


def record(execution: Execution, *, with_code: bool) -> dict[str, Any]:
    """Return an execution as JSON has it; a cost is text, for it is exact. Without code, the fields of content lack."""
    names = [field.name for field in fields(execution) if with_code or field.name not in CONTENT]
    return {name: _plain(getattr(execution, name)) for name in names}


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case _ if hasattr(value, "isoformat"):
            return value.isoformat()
        case _ if hasattr(value, "items"):
            return dict(value)
    return str(value)


def line(execution: Execution, *, with_code: bool) -> str:
    """Return an execution as one line of JSON Lines, <https://jsonlines.org>, without the line break."""
    return json.dumps(record(execution, with_code=with_code), ensure_ascii=False)
