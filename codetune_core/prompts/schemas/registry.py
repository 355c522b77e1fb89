"""Schemas of answers by the name that a wording's ``output_schema`` gives."""

import functools
import json
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, cast

from pydantic import BaseModel

from codetune_core.errors import RenderError
from codetune_core.prompts.schemas import claims, writing

SCHEMAS: MappingProxyType[str, type[BaseModel]] = MappingProxyType(
    {
        "findings": claims.Findings,
        "verdicts": claims.Verdicts,
        "finding_explanation": claims.FindingExplanation,
        "diff_review": claims.DiffReview,
        "threat_model": claims.ThreatModel,
        "fix": writing.CodeFix,
        "rewrite": writing.Rewrite,
        "code": writing.GeneratedCode,
        "tests": writing.UnitTests,
        "docstring": writing.Docstring,
        "summary": writing.Summary,
        "commit_message": writing.CommitMessage,
        "answer_with_citations": writing.CitedAnswer,
    }
)


def schema(name: str) -> type[BaseModel]:
    """Return the model of this name; raises RenderError where there is none."""
    if name not in SCHEMAS:
        near = get_close_matches(name, SCHEMAS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(SCHEMAS)}"
        raise RenderError(f"No output schema is called {name!r}; {hint}")
    return SCHEMAS[name]


@functools.cache
def bounded_json_schema(name: str) -> dict[str, Any]:
    """JSON Schema 2020-12 of what is asked for; nothing undeclared may stand in it, and no text or list is unbounded.

    One object for all who ask: not to be changed. Raises RenderError for an unknown name.
    """
    return cast("dict[str, Any]", _short(schema(name).model_json_schema()))


@functools.cache
def schema_text(name: str | None) -> str:
    """What a prompt says about its schema: JSON Schema 2020-12 on one line, and how to answer; empty for none."""
    if name is None:
        return ""
    text = json.dumps(bounded_json_schema(name), separators=(",", ":"))
    return (
        "Answer with one JSON object that fits this JSON Schema, inside a ```json fence and with nothing after it:\n\n"
        f"```json\n{text}\n```"
    )


def _short(node: Any, *, named: bool = False) -> Any:
    """Drop the titles that pydantic makes of names, and the docstrings of models: they tell a model nothing."""
    if isinstance(node, list):
        return [_short(each) for each in node]
    if not isinstance(node, dict):
        return node
    dropped = set() if named else {"title", "description"} if "properties" in node or "enum" in node else {"title"}
    return {
        key: _short(value, named=key in {"properties", "$defs"}) for key, value in node.items() if key not in dropped
    }
