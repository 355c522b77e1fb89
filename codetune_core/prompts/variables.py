"""The declared variables of a wording: values checked against them, all mistakes told at once."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches

from pydantic import JsonValue

from codetune_core.domain.prompt import Variable, VariableType
from codetune_core.errors import RenderError

FENCED = frozenset({VariableType.TEXT, VariableType.CODE})
LONGEST = {
    VariableType.LINE: 1_000,
    VariableType.TEXT: 2_000_000,
    VariableType.CODE: 2_000_000,
    VariableType.LIST: 1_000,
}
"""Limits in characters, and for a list in items, where a variable declares none."""
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_KINDS = {
    VariableType.LINE: "a text",
    VariableType.TEXT: "a text",
    VariableType.CODE: "a text",
    VariableType.INTEGER: "an integer",
    VariableType.NUMBER: "a number",
    VariableType.BOOLEAN: "true or false",
    VariableType.LIST: "a list of texts",
}


def resolve(declared: Sequence[Variable], values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Check values against what is declared; the result has every declared name, None where no value is.

    None counts as not given. Raises RenderError that lists every mistake.
    """
    problems = [_unknown(name, declared) for name in values if name not in {variable.name for variable in declared}]
    resolved: dict[str, JsonValue] = {}
    for variable in declared:
        value = values.get(variable.name)
        value = variable.default if value is None else value
        problems += _problems(variable, value)
        resolved[variable.name] = value
    if problems:
        raise RenderError("The variables do not fit the prompt:\n" + "\n".join(f"- {each}" for each in problems))
    return resolved


def coerce(declared: Sequence[Variable], texts: Mapping[str, str]) -> dict[str, JsonValue]:
    """Read values as written on a command line, for `resolve` to check.

    Booleans are true/yes/on/1 and their opposites; a list is a JSON array, or one item a line. What cannot be read
    and what is not declared stays a text, so that `resolve` names it.
    """
    types = {variable.name: variable.type for variable in declared}
    return {name: _read(types.get(name, VariableType.TEXT), text) for name, text in texts.items()}


def problems_of_declaration(variable: Variable) -> list[str]:
    """Return what is wrong with a declaration itself: its default, its choices, its cut."""
    problems = [] if variable.default is None else _problems(variable, variable.default)
    if variable.cut is not None and variable.type not in FENCED:
        problems.append(f"{variable.name}: only text and code can be cut; leave cut out, or change the type")
    if variable.minimum is not None and variable.maximum is not None and variable.minimum > variable.maximum:
        problems.append(f"{variable.name}: its minimum is greater than its maximum")
    loose = variable.model_copy(update={"choices": ()})
    for choice in variable.choices:
        problems += _problems(loose, [choice] if variable.type is VariableType.LIST else choice)
    return problems


def _unknown(name: str, declared: Sequence[Variable]) -> str:
    names = [variable.name for variable in declared]
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(names) or 'none'}"
    return f"{name}: the prompt has no such variable; {hint}"


def _problems(variable: Variable, value: JsonValue) -> list[str]:
    if value is None:
        meaning = f" ({variable.description})" if variable.description else ""
        return [f"{variable.name}: missing{meaning}; give it {_KINDS[variable.type]}"] if variable.required else []
    if not _FITS[variable.type](value):
        return [f"{variable.name}: must be {_KINDS[variable.type]}, not {_shown(value)}"]
    return [
        f"{variable.name}: {each}"
        for each in (*_size(variable, value), *_range(variable, value), *_choice(variable, value))
    ]


def _size(variable: Variable, value: JsonValue) -> list[str]:
    limit = variable.max_chars or LONGEST.get(variable.type)
    if limit is None or not isinstance(value, str | list):
        return []
    longest_line = LONGEST[VariableType.LINE]
    long = (
        [item for item in value if isinstance(item, str) and len(item) > longest_line]
        if isinstance(value, list)
        else []
    )
    unit = "items" if isinstance(value, list) else "characters"
    problems = [f"{len(value):,} {unit} are more than the {limit:,} allowed"] if len(value) > limit else []
    return problems + [
        f"an item of {len(item):,} characters is longer than the {longest_line:,} allowed" for item in long[:3]
    ]


def _range(variable: Variable, value: JsonValue) -> list[str]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return []
    low, high = variable.minimum, variable.maximum
    problems = [f"{value} is less than {low:g}"] if low is not None and value < low else []
    return problems + ([f"{value} is greater than {high:g}"] if high is not None and value > high else [])


def _choice(variable: Variable, value: JsonValue) -> list[str]:
    given = value if isinstance(value, list) else [value]
    wrong = [each for each in given if variable.choices and each not in variable.choices]
    allowed = ", ".join(str(choice) for choice in variable.choices)
    return [f"{_shown(each)} is none of: {allowed}" for each in wrong[:3]]


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_integer(value) or (isinstance(value, float) and math.isfinite(value))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


_FITS: Mapping[VariableType, Callable[[JsonValue], bool]] = {
    VariableType.LINE: _is_text,
    VariableType.TEXT: _is_text,
    VariableType.CODE: _is_text,
    VariableType.INTEGER: _is_integer,
    VariableType.NUMBER: _is_number,
    VariableType.BOOLEAN: lambda value: isinstance(value, bool),
    VariableType.LIST: lambda value: isinstance(value, list) and all(isinstance(item, str) for item in value),
}


def _shown(value: JsonValue) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:37]}..."  # noqa: PLR2004 - what fits in a line


def _read(kind: VariableType, text: str) -> JsonValue:
    word = text.strip()
    if kind is VariableType.BOOLEAN and word.lower() in _TRUE | _FALSE:
        return word.lower() in _TRUE
    if kind is VariableType.LIST:
        items = _loaded(word) if word.startswith("[") else None
        return items if isinstance(items, list) else [line for line in text.splitlines() if line.strip()]
    if kind in {VariableType.INTEGER, VariableType.NUMBER}:
        number = _loaded(word)
        return number if _is_number(number) else text
    return text


def _loaded(text: str) -> JsonValue:
    try:
        loaded: JsonValue = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return loaded
