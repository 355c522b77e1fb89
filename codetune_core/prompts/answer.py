"""Answers of models: reasoning split off, marks taken out, and what a schema asks for found and checked.

Reasoning stands between ``<thinking>`` and ``</thinking>`` (the library's convention), or ``<think>`` and ``</think>``
as reasoning models write by themselves; of these some write only the closing tag, since their chat template has
opened it.
"""

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import BaseModel, ValidationError

from codetune_core.domain.canonical import canonical_json
from codetune_core.domain.fence import blocks, unfinished_mark, unmark
from codetune_core.errors import InvalidOutput
from codetune_core.prompts.schemas.registry import schema

MAX_ANSWER = 2_000_000
"""Longest answer that is looked through, in characters."""
_MAX_BAD_STARTS = 500
_MAX_THOUGHTS = 20
_OPENING = re.compile(r"(?i)\s*<(think|thinking)>")
_CLOSING = re.compile(r"(?i)</(think|thinking)>[ \t\r]*(?=\n|$)")
_JSON = frozenset({"", "json", "json5", "jsonc"})
_COMMA = re.compile(r'("(?:\\.|[^"\\])*+"?)|,(?=\s*[}\]])', re.DOTALL)
_LONE = re.compile("[\ud800-\udfff\x00]")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said.

    Attributes:
        output: the answer proper; with a schema the canonical JSON of the checked value.
        reasoning: what it thought before, empty for nothing.
    """

    output: str
    reasoning: str = ""


def parse_answer(text: str, output_schema: str | None) -> Answer:
    """Split and check a whole answer.

    With a schema the answer is the one JSON object in it that fits: in a fence, or else anywhere; trailing commas
    and line ends inside strings are forgiven. Raises InvalidOutput, which says what is wrong.
    """
    if len(text) > MAX_ANSWER:
        raise InvalidOutput(f"The answer has {len(text):,} characters; at most {MAX_ANSWER:,} are read.")
    reasoning, rest = _split(text)
    if output_schema is None:
        return Answer(readable(rest), readable(reasoning))
    value = _only_fitting(rest, schema(output_schema), output_schema)
    return Answer(canonical_json(value.model_dump(mode="json")), readable(reasoning))


def readable(text: str) -> str:
    """Return what a model wrote without marks; U+FFFD stands for what UTF-8 or PostgreSQL cannot hold."""
    return _LONE.sub("\ufffd", unmark(text))


async def readable_pieces(pieces: AsyncIterator[str]) -> AsyncGenerator[str]:
    """Yield what `readable` gives of the whole, wherever the pieces were cut; only what may be a mark is held back."""
    held = ""
    async for piece in pieces:
        text = held + piece
        end = unfinished_mark(text)
        held = text[end:]
        if end:
            yield readable(text[:end])
    if held:
        yield readable(held)


def _split(text: str) -> tuple[str, str]:
    reasoning, rest = list[str](), text
    while len(reasoning) < _MAX_THOUGHTS and (opening := _OPENING.match(rest)):
        closing = re.compile(rf"(?i)</{opening[1]}>").search(rest, opening.end())
        if closing is None:
            raise InvalidOutput("The model stopped while it was still thinking; raise the prompt's max_tokens.")
        reasoning.append(rest[opening.end() : closing.start()])
        rest = rest[closing.end() :]
    if (
        not reasoning
        and (closing := _CLOSING.search(rest))
        and f"<{closing[1]}>" not in rest[: closing.start()].lower()
    ):
        reasoning, rest = [rest[: closing.start()]], rest[closing.end() :]
    return "\n".join(part.strip() for part in reasoning), rest.lstrip("\n\r") if reasoning else rest


def _only_fitting(text: str, model: type[BaseModel], name: str) -> BaseModel:
    """Return the one value that fits; fenced ones go before others, and the text as it is before a mended one."""
    errors: list[str] = []
    for attempt in dict.fromkeys((text, _COMMA.sub(lambda found: found[1] or "", text))):
        for candidates in (_fenced(attempt), _anywhere(attempt)):
            fitting = _fitting(candidates, model, errors)
            if len(fitting) > 1:
                raise InvalidOutput(f"The answer has {len(fitting)} different values that fit {name}; one is wanted.")
            if fitting:
                return fitting[0]
    raise _refusal(text, name, errors)


def _fitting(candidates: Iterator[Any], model: type[BaseModel], errors: list[str]) -> list[BaseModel]:
    fitting: dict[str, BaseModel] = {}
    for candidate in candidates:
        try:
            value = model.model_validate(_unmarked(candidate))
        except ValidationError as error:
            errors.append(_why(error))
        except RecursionError:
            errors.append("it is nested too deeply")
        else:
            fitting[canonical_json(value.model_dump(mode="json"))] = value
    return list(fitting.values())


def _fenced(text: str) -> Iterator[Any]:
    for block in blocks(text):
        value, end = _decoded(block.content.lstrip(), 0) if block.info.lower() in _JSON else (None, 0)
        if end:
            yield value


def _anywhere(text: str) -> Iterator[Any]:
    """Every outermost JSON object in a text."""
    place, bad = text.find("{"), 0
    while place >= 0 and bad < _MAX_BAD_STARTS:
        value, end = _decoded(text, place)
        if end:
            yield value
        else:
            bad += 1
        place = text.find("{", end or place + 1)


def _decoded(text: str, place: int) -> tuple[Any, int]:
    """Read the JSON value that starts at a place: the value and where it ends, 0 for none."""
    try:
        return _DECODER.raw_decode(text, place)
    except (ValueError, RecursionError):
        return None, 0


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER = json.JSONDecoder(strict=False, parse_constant=_no_constant)


def _unmarked(value: Any) -> Any:
    if isinstance(value, str):
        return unmark(value)
    if isinstance(value, list):
        return [_unmarked(each) for each in value]
    return {key: _unmarked(each) for key, each in value.items()} if isinstance(value, dict) else value


def _why(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    shown = [f"{'.'.join(map(str, each['loc'])) or 'the whole'}: {each['msg']}" for each in problems[:5]]
    return "; ".join(shown) + (f"; and {len(problems) - 5} more" if len(problems) > 5 else "")  # noqa: PLR2004


def _refusal(text: str, name: str, errors: list[str]) -> InvalidOutput:
    if errors:
        return InvalidOutput(f"The answer does not fill the schema {name}: {errors[0]}")
    if not text.strip():
        return InvalidOutput(f"The answer is empty; the schema {name} wants a JSON object.")
    return InvalidOutput(f"The answer has no JSON object, or one that breaks off; the schema {name} wants one.")
