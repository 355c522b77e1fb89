"""Finds out, once for each model of a server, in which words the server holds an answer to a JSON Schema.

Some servers take the field and ignore it. So a question is asked whose answer, left free, could not be what the schema
prescribes, and the stream is closed as soon as it is not.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

from pydantic import JsonValue

from codetune_core.engines.openai.answer import Reading
from codetune_core.engines.openai.listing import Kind
from codetune_core.engines.protocol import Chunk
from codetune_core.http.refusals import BadStatus

Schema = Mapping[str, JsonValue]
Fields = dict[str, Any]
Form = Callable[[Schema], Fields]
Ask = Callable[[Fields, Reading], AsyncGenerator[Chunk]]
"""Posts a body to the chat and streams its answer."""


_NAMED = {"properties", "$defs"}
"""Below them are names, and not keywords."""
_NOT_STRICT = {"minLength", "maxLength", "default"}


def response_format(schema: Schema) -> Fields:
    """OpenAI's own, which most servers know."""
    described = {"name": "answer", "strict": True, "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def strict_response_format(schema: Schema) -> Fields:
    """The same in what OpenAI itself takes of JSON Schema ("Structured Outputs", supported schemas, 2026-02).

    All properties are required, since what need not be there may be; lengths of texts and defaults are left out.
    """
    return response_format(_strict(schema))


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    if "$ref" in node:
        return {"$ref": node["$ref"]}
    named = {key: {name: _strict(each) for name, each in node[key].items()} for key in _NAMED & node.keys()}
    rest = {key: _strict(value) for key, value in node.items() if key not in _NAMED | _NOT_STRICT}
    required = {"required": list(node["properties"])} if "properties" in node else {}
    return {**rest, **named, **required}


def structured_outputs(schema: Schema) -> Fields:
    """That of vLLM, since 0.11."""
    return {"structured_outputs": {"json": schema}}


def guided_json(schema: Schema) -> Fields:
    """That of vLLM before."""
    return {"guided_json": schema}


def json_schema(schema: Schema) -> Fields:
    """That of llama.cpp, which makes a grammar of it."""
    return {"json_schema": schema}


_FORMS: dict[Kind, tuple[Form, ...]] = {
    Kind.OPENAI: (strict_response_format,),
    Kind.VLLM: (response_format, structured_outputs, guided_json),
    Kind.LLAMA_CPP: (response_format, json_schema),
}
_PROBED = {"waterfall": "cobalt-7"}
_PROBE: Schema = {
    "type": "object",
    "properties": {name: {"type": "string", "enum": [value]} for name, value in _PROBED.items()},
    "required": list(_PROBED),
    "additionalProperties": False,
}
_EXPECTED = json.dumps(_PROBED, separators=(",", ":"))
_QUESTION = "Say good morning."
_PROBE_TOKENS = 512
"""Room for a model that reasons first."""
_REFUSED = range(400, 423)


class Constraints:
    """What was found out, and what was refused since."""

    def __init__(self) -> None:
        self._forms: dict[str, Form | None] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._refused: set[str] = set()

    async def fields(self, model: str, kind: Kind, schema: Schema, ask: Ask) -> Fields:
        """Return what to send so that an answer fills a schema; nothing where the server cannot see to it.

        Raises what ``ask`` raises, but for an error that says that the server does not know the field.
        """
        if self._name(model, schema) in self._refused:
            return {}
        async with self._locks.setdefault(model, asyncio.Lock()):
            if model not in self._forms:
                self._forms[model] = await _holding(model, kind, ask)
        form = self._forms[model]
        return form(schema) if form else {}

    def refuse(self, model: str, schema: Schema) -> bool:
        """Do not send this schema again: the server cannot hold an answer to it. Return whether that is new."""
        name = self._name(model, schema)
        is_new = name not in self._refused
        self._refused.add(name)
        return is_new

    @staticmethod
    def _name(model: str, schema: Schema) -> str:
        return json.dumps([model, schema], sort_keys=True)


async def _holding(model: str, kind: Kind, ask: Ask) -> Form | None:
    for form in _FORMS.get(kind, (response_format,)):
        if await _holds(model, kind, form, ask):
            return form
    return None


async def _holds(model: str, kind: Kind, form: Form, ask: Ask) -> bool:
    """Whether a server answers as the schema prescribes; also where all that it wrote was reasoning."""
    length = "max_completion_tokens" if kind is Kind.OPENAI else "max_tokens"
    messages = [{"role": "user", "content": _QUESTION}]
    body = {"model": model, "messages": messages, "stream": True, length: _PROBE_TOKENS, **form(_PROBE)}
    written, reading = "", Reading()
    try:
        async with aclosing(ask(body, reading)) as chunks:
            async for chunk in chunks:
                written += "".join(chunk.text.split())
                if not _EXPECTED.startswith(written):
                    return False
    except BadStatus as refusal:
        if refusal.status in _REFUSED or refusal.status == 501:  # noqa: PLR2004 - Not Implemented
            return False
        raise
    return written == _EXPECTED or (not written and reading.finish_reason == "length")
