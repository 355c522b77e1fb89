"""What differs between two versions: as a unified diff of a readable text, and field by field."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, Literal

from codetune_core.domain.canonical import canonical_json
from codetune_core.domain.prompt import Decoding, PromptVersion, Variable, Wording

_ORDER = "variables, in order"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that differs.

    ``field`` is a path: ``temperature``, ``decoding.top_p``, ``variables.code``, ``few_shot_examples.1`` for the first
    example. ``before`` and ``after`` are JSON values; None where there is none.
    """

    field: str
    change: Literal["added", "removed", "changed"]
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """Two versions and what differs; two that say the same have no fields and an empty text."""

    before: PromptVersion
    after: PromptVersion
    fields: tuple[FieldChange, ...]
    unified: str


def compare(before: PromptVersion, after: PromptVersion, titles: tuple[str, str]) -> VersionDiff:
    """Compare two versions, of one prompt or of two; the titles head the unified diff."""
    fields = changed_fields(before.wording, after.wording)
    return VersionDiff(before, after, fields, unified(before.wording, after.wording, titles))


def unified(before: Wording, after: Wording, titles: tuple[str, str]) -> str:
    """Return a unified diff of both as readable texts, empty where they are equal."""
    lines = unified_diff(readable(before).split("\n"), readable(after).split("\n"), *titles, lineterm="")
    return "\n".join(lines)


def readable(wording: Wording) -> str:
    """Write a wording with its texts as they stand, line for line; other wordings give other texts."""
    return "\n".join(line for path, value in _fields(wording).items() for line in _lines(path, value))


def changed_fields(before: Wording, after: Wording) -> tuple[FieldChange, ...]:
    """Return what differs; nothing only where both say the same."""
    old, new = _fields(before), _fields(after)
    paths = [*old, *(path for path in new if path not in old)]
    changes = [_change(path, old.get(path), new.get(path)) for path in paths]
    order = _change(_ORDER, _order(before, new), _order(after, old))
    return tuple(change for change in (*changes, order) if change)


def _change(path: str, before: Any, after: Any) -> FieldChange | None:
    if canonical_json(before) == canonical_json(after):
        return None
    kind: Literal["added", "removed", "changed"] = "changed"
    if before is None or after is None:
        kind = "added" if before is None else "removed"
    return FieldChange(path, kind, before, after)


def _fields(wording: Wording) -> dict[str, Any]:
    """Return JSON values by path; what is left to its default stands only where it is a field of the wording itself."""
    decoding = wording.decoding.model_dump(mode="json", exclude_defaults=True)
    return {
        "model_type": wording.model_type,
        "temperature": wording.temperature,
        "max_tokens": wording.max_tokens,
        **{f"decoding.{name}": decoding[name] for name in Decoding.model_fields if name in decoding},
        **{f"variables.{variable.name}": _declared(variable) for variable in wording.variables},
        **{
            f"few_shot_examples.{number}": example.model_dump(mode="json")
            for number, example in enumerate(wording.few_shot_examples, start=1)
        },
        "system_prompt": wording.system_prompt,
        "user_prompt_template": wording.user_prompt_template,
    }


def _order(wording: Wording, other: dict[str, Any]) -> list[str]:
    """Names of the variables that the other one declares too: their order shows in the readable text."""
    return [variable.name for variable in wording.variables if f"variables.{variable.name}" in other]


def _declared(variable: Variable) -> dict[str, Any]:
    return {"type": variable.type.value, **variable.model_dump(mode="json", exclude={"name"}, exclude_defaults=True)}


def _lines(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key in sorted(value):
            yield from _lines(f"{path}.{key if key.isidentifier() else json.dumps(key)}", value[key])
    elif isinstance(value, str) and "\n" in value:
        yield f"{path}: |"
        yield from (f"  {line}" for line in value.split("\n"))
    else:
        yield f"{path}: {canonical_json(value)}"
