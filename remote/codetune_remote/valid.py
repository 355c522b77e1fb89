"""Checks what came against the types that a Route declares, and says what does not fit without quoting it."""

import difflib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, get_origin

from multidict import MultiMapping
from pydantic import BaseModel, ValidationError

from codetune_remote.problems import Refusal

LARGEST_INTEGER = 2**53 - 1
"""Beyond it, JSON readers do not agree (RFC 7493, 2.2), and no column holds much more."""
_SHOWN_ERRORS = 20

Value = TypeVar("Value", bound=BaseModel)


def validated(make: Callable[[], Value], where: str) -> Value:
    """Return what ``make`` makes; raises Refusal 422, or 400 for what is no JSON."""
    try:
        return make()
    except ValidationError as error:
        # Without what was sent: it may be code, and problems are logged.
        wrong = error.errors(include_url=False, include_input=False, include_context=False)[:_SHOWN_ERRORS]
        if wrong[0]["type"] == "json_invalid":  # nested too deeply, or half a surrogate pair
            raise malformed(wrong[0]["msg"]) from error
        first = ".".join(map(str, wrong[0]["loc"])) or where
        detail = f"the {where} does not fit: {first}: {wrong[0]['msg']}"
        raise Refusal(422, "invalid", detail, extra={"errors": wrong}) from error


def malformed(why: str) -> Refusal:
    """Return the refusal of a body that is no JSON."""
    return Refusal(400, "malformed", f"the body is not JSON that every reader understands alike: {why}")


def read_query(sent: MultiMapping[str], wanted: type[Value]) -> Value:
    """Return the valid parameters of an address: text is made into numbers, and only lists are sent twice."""
    known = {field.alias or name: field.annotation for name, field in wanted.model_fields.items()}
    content: dict[str, Any] = {}
    for name in dict.fromkeys(sent):
        if name not in known:
            raise _unknown(name, known)
        values = sent.getall(name)
        is_list = get_origin(known[name]) in {list, tuple, set, frozenset}
        if len(values) > 1 and not is_list:
            raise _wrong(name, "it is there twice")
        if any("\0" in value for value in values):
            raise _wrong(name, "NUL is no text")
        content[name] = values if is_list else values[0]
    query = validated(lambda: wanted.model_validate(content), "query")
    for name, value in query:
        if is_too_large(value):
            raise _wrong(name, "the number is beyond 2^53 - 1")
    return query


def read_parts(sent: dict[str, str], wanted: type[Value]) -> Value:
    """Return the valid parts of a path; raises Refusal 404, for nothing is at such an address."""
    try:
        parts = wanted.model_validate(sent)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        named = ".".join(map(str, first["loc"][:1]))
        raise _nowhere(f"{{{named}}} is not well-formed: {first['msg']}") from error
    if any("\0" in value for value in sent.values()) or any(is_too_large(value) for _, value in parts):
        raise _nowhere("a part of it is not well-formed")
    return parts


def is_too_large(value: object) -> bool:
    """Tell whether this is a whole number that JSON cannot carry to every reader."""
    return isinstance(value, int) and abs(value) > LARGEST_INTEGER


def _unknown(name: str, known: Iterable[str]) -> Refusal:
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(sorted(known)) or 'none'}"
    return _wrong(name[:50], f"it is not known; {hint}")


def _wrong(name: str, why: str) -> Refusal:
    extra = {"errors": [{"type": "query", "loc": [name], "msg": why}]}
    return Refusal(422, "invalid", f"the query does not fit: {name}: {why}", extra=extra)


def _nowhere(why: str) -> Refusal:
    return Refusal(404, "not-found", f"there is nothing at this address: {why}")
