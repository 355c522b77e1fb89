"""Rendering: a wording and values in, the messages for a model out, within its context.

A template has one variable that nobody declares for each of the library's conventions:

- ``{{ chain_of_thought }}``: how to reason first, between ``<thinking>`` and ``</thinking>``, which `parse_answer`
  splits off;
- ``{{ output_schema }}``: the JSON Schema of the wording's ``output_schema``, and how to answer in it.

Variables of type text and code stand alone in the template; they come out as a fenced block of their own, set off by
blank lines, and only in the user's turn. A code variable's fence names its language: the value of the variable
``<name>_language``, else ``language``, where one is declared.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from codetune_core.domain.execution import Message
from codetune_core.domain.fence import Piece, blocks, fence, join, line
from codetune_core.domain.prompt import Variable, VariableType, Wording
from codetune_core.errors import RenderError
from codetune_core.prompts.fit import Draft, RenderTarget, fit
from codetune_core.prompts.schemas.registry import schema_text
from codetune_core.prompts.template import MAX_OUTPUT, Fenced, Trusted, compile_template
from codetune_core.prompts.variables import FENCED, resolve

CHAIN_OF_THOUGHT = (
    "Think step by step first: write your reasoning between <thinking> and </thinking>, "
    "and after </thinking> only the answer."
)
BUILTINS = frozenset({"chain_of_thought", "output_schema"})


@dataclass(frozen=True, slots=True)
class Rendered:
    """What is sent to a model.

    Attributes:
        messages: the system's turn where there is one, each example as a user's and an assistant's turn, and the
            user's turn.
        cut: what was left out so that it fits, in words; empty where all is there.
        prompt_tokens: length of the messages as counted for the model, never too low.
    """

    messages: tuple[Message, ...]
    cut: tuple[str, ...] = ()
    prompt_tokens: int = 0

    @property
    def text(self) -> str:
        """All of it, to be read by people."""
        return "\n\n".join(f"[{message.role}]\n{message.content}" for message in self.messages)


def render(wording: Wording, values: Mapping[str, JsonValue], target: RenderTarget) -> Rendered:
    """Fill in a wording.

    Where prompt and answer (``max_tokens``) together exceed the model's context, variables with ``cut`` are shortened
    by whole lines, lower numbers first and only as far as needed; then examples go, the last one first; the rest is
    never cut. Raises RenderError where values and template do not fit each other, ContextTooLong where the rest is
    still too long.
    """
    resolved = resolve(wording.variables, values)
    examples = [
        pair for example in wording.few_shot_examples for pair in _example(wording, example.variables, example.output)
    ]
    system = render_system(wording, resolved)
    draft = Draft(
        system=(Message("system", system),) if system else (),
        examples=tuple(examples),
        user=lambda texts: Message("user", render_user(wording, {**resolved, **texts})),
        cuttable=_cuttable(wording, resolved),
        max_tokens=wording.max_tokens,
    )
    return Rendered(*fit(draft, target))


def render_system(wording: Wording, resolved: Mapping[str, JsonValue]) -> str:
    """Render the system's turn, in which no untrusted text may stand."""
    pieces = list(compile_template(wording.system_prompt).pieces(_values(wording, resolved)))
    if fenced := [piece.name for piece in pieces if isinstance(piece, Fenced)]:
        raise RenderError(f"{fenced[0]} is untrusted text: move it from the system prompt to the user's template.")
    return _assemble(pieces)


def render_user(wording: Wording, resolved: Mapping[str, JsonValue]) -> str:
    """Render the user's turn from values that `resolve` gave."""
    return _assemble(compile_template(wording.user_prompt_template).pieces(_values(wording, resolved)))


def _example(wording: Wording, values: Mapping[str, JsonValue], output: str) -> tuple[Message, Message]:
    return Message("user", render_user(wording, resolve(wording.variables, values))), Message("assistant", output)


def _values(wording: Wording, resolved: Mapping[str, JsonValue]) -> dict[str, object]:
    schema = wording.decoding.output_schema
    builtins = {"chain_of_thought": Trusted(CHAIN_OF_THOUGHT), "output_schema": Trusted(schema_text(schema))}
    return {**{each.name: _value(each, resolved) for each in wording.variables}, **builtins}


def _value(variable: Variable, resolved: Mapping[str, JsonValue]) -> object:
    value = resolved[variable.name]
    if variable.type in FENCED:
        return "" if value is None else Fenced(variable.name, str(value), _info(variable, resolved))
    if variable.type is VariableType.LINE:
        return "" if value is None else line(str(value))
    if variable.type is VariableType.LIST:
        return [line(str(item)) for item in value] if isinstance(value, list) else []
    return value


def _info(variable: Variable, resolved: Mapping[str, JsonValue]) -> str:
    if variable.type is VariableType.TEXT:
        return "text"
    return str(resolved.get(f"{variable.name}_language") or resolved.get("language") or "")


def _assemble(pieces: Iterable[Piece | Fenced]) -> str:
    parts, run, size = list[str](), list[Piece](), 0
    for piece in pieces:
        if isinstance(piece, Piece):
            run.append(piece)
            continue
        parts.append(_running_text(run, before=piece.name))
        parts.append(fence(piece.text, piece.info))
        run = []
        size += len(piece.text)
        if size > MAX_OUTPUT:
            raise RenderError(f"The prompt grows beyond {MAX_OUTPUT:,} characters; give it less.")
    parts.append(_running_text(run))
    return "\n\n".join(part for part in parts if part)


def _running_text(pieces: list[Piece], before: str = "") -> str:
    text = join(pieces).strip()
    if before and any(not block.closed for block in blocks(text)):
        raise RenderError(f"{before} gets a fence by itself: remove the ``` around {{{{ {before} }}}} in the template.")
    return text


def _cuttable(wording: Wording, resolved: Mapping[str, JsonValue]) -> tuple[tuple[Variable, str], ...]:
    texts = [(each, value) for each in wording.variables if each.cut is not None and (value := resolved[each.name])]
    return tuple(
        (each, value) for each, value in sorted(texts, key=lambda pair: pair[0].cut or 0) if isinstance(value, str)
    )
