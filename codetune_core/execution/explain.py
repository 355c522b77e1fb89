"""Explains why two executions did, or did not, share an entry of the cache."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError

from codetune_core.domain.execution import Execution
from codetune_core.execution.protocol import CacheEntry, CacheKey

_KEY = TypeAdapter(CacheKey)
_HASH = re.compile(r"[0-9a-f]{64}")
_NAMES: Mapping[str, str] = {
    "model.name": "the model",
    "model.engine": "the engine",
    "model.revision": "the model's revision",
    "model.quantization": "the model's quantization",
    "model.adapter": "the model's adapter",
    "model.source": "where the model is, or what its files hold",
    "max_tokens": "the longest answer (max_tokens)",
    "sample_index": "the sample's number",
    "output_schema": "what the schema of the answer says",
    "decoding.output_schema": "the schema of the answer",
    "tenant": "the tenant",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of the key that is not the same in both; None where only its hash is known."""

    part: str
    first: JsonValue = None
    second: JsonValue = None

    def __str__(self) -> str:
        if self.first is None and self.second is None:
            return f"{self.part} is not the same"
        return f"{self.part} is {self.first!r} in the one and {self.second!r} in the other"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether the later execution was answered from the earlier one's entry; if not, why, in words."""

    shared: bool
    reasons: tuple[str, ...]
    differences: tuple[Difference, ...] = ()


def key_of(execution: Execution) -> CacheKey | None:
    """Return the key of what was asked; None where nothing was asked of a model, or nothing was kept of it."""
    try:
        return _KEY.validate_python(execution.cache_key.get("key"))
    except ValidationError:
        return None


def explain(first: Execution, second: Execution, entry: CacheEntry | None) -> Explanation:
    """Compare two executions; ``entry`` is what the cache holds now for the key of the earlier one."""
    earlier, later = sorted((first, second), key=lambda execution: (execution.executed_at, execution.id))
    if without := [execution for execution in (first, second) if key_of(execution) is None]:
        return Explanation(shared=False, reasons=tuple(f"{one.id} asked nothing of a model" for one in without))
    if differences := tuple(_differences(_parts(first), _parts(second))):
        return Explanation(
            shared=False, reasons=tuple(str(difference) for difference in differences), differences=differences
        )
    if later.from_cache:
        return Explanation(shared=True, reasons=("both asked the same, and the later was answered from the cache",))
    return Explanation(shared=False, reasons=(f"both asked the same, but {_why(earlier, later, entry)}",))


def _why(earlier: Execution, later: Execution, entry: CacheEntry | None) -> str:
    """Say why the later one was not answered from the cache, though the earlier one had asked the same."""
    if later.cache_key.get("fresh"):
        return "the later wanted a fresh answer"
    if not later.success and later.finish_reason is None and later.time_to_first_token_ms is None:
        return f"the later ended before it was answered ({later.error_kind or 'it still runs'})"
    if reason := earlier.cache_key.get("not_stored", ""):
        return f"the earlier one's answer was not stored: {_failed(earlier) or reason}"
    ended = earlier.executed_at + dt.timedelta(milliseconds=earlier.execution_time_ms or 0)
    if ended > later.executed_at:
        return "the later began, in another process, before the earlier one's answer was there"
    until = earlier.cache_key.get("stored_until")
    if isinstance(until, str) and dt.datetime.fromisoformat(until) <= later.executed_at:
        return f"the entry had expired on {until}"
    if entry and not entry.is_valid:
        return "the entry was marked as not valid"
    return "the entry had been dropped by then: evicted to make room, cleared, or damaged"


def _failed(execution: Execution) -> str:
    return "" if execution.success else f"it ended by {execution.error_kind or 'an error'}"


def _parts(execution: Execution) -> Mapping[str, JsonValue]:
    parts: Any = execution.cache_key.get("parts", {})
    return parts if isinstance(parts, Mapping) else {}


def _differences(first: Mapping[str, JsonValue], second: Mapping[str, JsonValue]) -> Iterator[Difference]:
    for part in dict.fromkeys((*first, *second)):
        one, other = first.get(part), second.get(part)
        if one == other:
            continue
        if part == "messages" and isinstance(one, list) and isinstance(other, list):
            yield from _messages(one, other)
        else:
            name = _NAMES.get(part, part.removeprefix("decoding."))
            yield Difference(name) if _hashed(one) or _hashed(other) else Difference(name, _said(one), _said(other))


def _messages(one: list[JsonValue], other: list[JsonValue]) -> Iterator[Difference]:
    if len(one) != len(other):
        yield Difference("the number of messages", len(one), len(other))
    for number, (mine, theirs) in enumerate(zip(one, other, strict=False), 1):
        if mine != theirs:
            yield Difference(f"message {number} of {len(one)} ({str(mine).partition(' ')[0]})")


def _hashed(value: JsonValue) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _said(value: JsonValue) -> JsonValue:
    return "not set" if value is None or value in ("", []) else value
