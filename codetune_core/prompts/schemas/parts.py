"""The bounded texts and the base that all schemas of answers are made of.

Claims about code quote it; a model's line numbers are never asked for, because they are often wrong and cannot be
checked, while a quote is found in the code or the claim is dropped.
"""

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from codetune_core.domain.finding import Confidence, Severity

_CWE = re.compile(r"(?i)(?:cwe)?[-_ ]?(\d{1,5})(?:\D.*)?", re.DOTALL)


class AnswerModel(BaseModel):
    """Base of every schema: nothing that is not declared, and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _cwe(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"CWE-{value}"
    found = _CWE.fullmatch(value.strip()) if isinstance(value, str) else None
    return f"CWE-{int(found[1])}" if found else value


_FILLED = Field(json_schema_extra={"pattern": r"^\S"})
"""What a JSON Schema says of a text that is stripped and must not be empty then."""
Line = Annotated[str, StringConstraints(min_length=1, max_length=300, strip_whitespace=True), _FILLED]
"""One short sentence or name."""
Prose = Annotated[str, StringConstraints(max_length=6_000, strip_whitespace=True)]
"""Markdown."""
FilledProse = Annotated[str, StringConstraints(min_length=1, max_length=6_000, strip_whitespace=True), _FILLED]
"""Markdown that says something."""
Quote = Annotated[str, StringConstraints(min_length=1, max_length=4_000)]
"""Some lines or part of a line, character for character as they stand in the code."""
Code = Annotated[str, StringConstraints(max_length=60_000)]
"""Source code as it is, without a fence."""
Word = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[\w.:/+-]+$", strip_whitespace=True)]
Cwe = Annotated[str, StringConstraints(pattern=r"^CWE-\d{1,5}$"), BeforeValidator(_cwe)]
"""A number of the Common Weakness Enumeration, such as ``CWE-89``; ``89`` and ``cwe 89: SQL injection`` are read."""
AnySeverity = Annotated[Severity, BeforeValidator(_lower)]
AnyConfidence = Annotated[Confidence, BeforeValidator(_lower)]
