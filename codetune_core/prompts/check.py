"""Checking a wording when it is written, so that it does not fail when it is used."""

import math
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import ParamSpec

from pydantic import JsonValue

from codetune_core.domain.prompt import Variable, VariableType, Wording
from codetune_core.errors import CodeTuneError, RenderError
from codetune_core.prompts.answer import parse_answer
from codetune_core.prompts.render import BUILTINS, render_system, render_user
from codetune_core.prompts.schemas.registry import schema
from codetune_core.prompts.template import compile_template
from codetune_core.prompts.variables import problems_of_declaration, resolve

_Given = ParamSpec("_Given")
_KEYWORDS = ("and", "elif", "else", "false", "for", "if", "in", "is", "none", "not", "or", "recursive", "self", "true")
_RESERVED = BUILTINS | {"loop", "range", *_KEYWORDS}


def check_wording(wording: Wording) -> tuple[str, ...]:
    """Try a wording out; to be called before a version is written.

    Both templates compile and name only declared variables; they render with every variable given and with the
    required ones alone; the examples fill the variables, and their answers the schema. Returns what is odd but
    allowed, in words, such as a variable that is never used. Raises RenderError that lists everything wrong.
    """
    problems = [*_in_declarations(wording)] or _in_templates(wording) or [*_in_trials(wording), *_in_examples(wording)]
    if problems:
        lines = "\n".join(f"- {problem}" for problem in dict.fromkeys(problems))
        raise RenderError(f"This wording cannot be used:\n{lines}")
    return tuple(_notices(wording))


def used_names(wording: Wording) -> frozenset[str]:
    """Names that the templates speak of; raises RenderError where one does not compile."""
    return compile_template(wording.system_prompt).names | compile_template(wording.user_prompt_template).names


def _failure(where: str, attempt: Callable[_Given, object], *args: _Given.args, **kwargs: _Given.kwargs) -> list[str]:
    try:
        attempt(*args, **kwargs)
    except CodeTuneError as error:
        return [f"{where}{error}"]
    return []


def _in_declarations(wording: Wording) -> Iterator[str]:
    for variable in wording.variables:
        if variable.name in _RESERVED:
            yield f"{variable.name}: this name means something in every template; choose another"
        yield from problems_of_declaration(variable)
    if wording.decoding.output_schema is not None:
        yield from _failure("", schema, wording.decoding.output_schema)


def _in_templates(wording: Wording) -> list[str]:
    problems = _failure("system prompt: ", compile_template, wording.system_prompt)
    problems += _failure("user's template: ", compile_template, wording.user_prompt_template)
    if problems:
        return problems
    declared = {variable.name for variable in wording.variables}
    used = used_names(wording)
    problems = [_undeclared(name, declared) for name in sorted(used - declared - BUILTINS)]
    if "output_schema" in used and wording.decoding.output_schema is None:
        problems.append("{{ output_schema }} is used, but decoding names no output_schema")
    return problems


def _undeclared(name: str, declared: set[str]) -> str:
    near = get_close_matches(name, declared | BUILTINS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else "declare it under variables."
    return f"{name} is used but not declared; {hint} Braces of your own go between {{% raw %}} and {{% endraw %}}"


def _in_trials(wording: Wording) -> Iterator[str]:
    everything = {variable.name: _sample(variable) for variable in wording.variables}
    required = {variable.name: _sample(variable) for variable in wording.variables if variable.required}
    for values in (everything, required):
        resolved = resolve(wording.variables, values)
        yield from _failure("system prompt: ", render_system, wording, resolved)
        yield from _failure("user's template: ", render_user, wording, resolved)


def _in_examples(wording: Wording) -> Iterator[str]:
    for number, example in enumerate(wording.few_shot_examples, 1):
        where = f"example {number}: "
        yield from _failure(where, _render_example, wording, example.variables)
        yield from _failure(where, parse_answer, example.output, wording.decoding.output_schema)


def _render_example(wording: Wording, values: dict[str, JsonValue]) -> str:
    return render_user(wording, resolve(wording.variables, values))


def _sample(variable: Variable) -> JsonValue:
    if variable.default is not None:
        return variable.default
    match variable.type:
        case VariableType.INTEGER | VariableType.NUMBER:
            value: JsonValue = _number(variable)
        case VariableType.BOOLEAN:
            value = True
        case VariableType.LIST:
            return [*variable.choices[:1]] or ["x"]
        case _:
            value = "x"
    return variable.choices[0] if variable.choices else value


def _number(variable: Variable) -> int | float:
    least = 1 if variable.maximum is None else min(1, variable.maximum)
    number = least if variable.minimum is None else max(least, variable.minimum)
    return math.ceil(number) if variable.type is VariableType.INTEGER else number


def _notices(wording: Wording) -> Iterator[str]:
    used = used_names(wording)
    code = [variable.name for variable in wording.variables if variable.type is VariableType.CODE]
    languages = {"language", *(f"{name}_language" for name in code)} if code else set()
    for variable in wording.variables:
        if variable.name not in used | languages:
            yield f"{variable.name} is declared and never used"
    if wording.decoding.output_schema and "output_schema" not in used:
        yield "answers must fill a schema, but no {{ output_schema }} tells the model so"
