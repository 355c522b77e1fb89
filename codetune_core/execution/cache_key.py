"""The key of a request: a hash of everything that can change its answer, tomorrow's parameters included."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any

from pydantic import BaseModel, JsonValue

from codetune_core.domain.canonical import digest
from codetune_core.execution.protocol import CacheKey

NOT_KEYED: Mapping[str, str] = {
    "model.context_tokens": "it decides what is cut from the messages, which are keyed; what it ends is not stored",
    "priority": "it decides who waits, and never what is answered",
}
"""Parts of a generation that are left out, and why; any other part enters the key by itself."""
_NAME_CHARS, _REVISION_CHARS = 200, 100
"""Of the columns; what is longer is told apart by the hash of the parameters, which holds all of it."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A key, and its parts without content: parameters as they are, texts as hashes."""

    key: CacheKey
    parts: Mapping[str, JsonValue]

    def recorded(self) -> dict[str, JsonValue]:
        """Return what is recorded with an execution."""
        return {"key": asdict(self.key), "parts": dict(self.parts)}


def fingerprint(generation: Any, *, tenant: str) -> Fingerprint:
    """Compute the key of a generation (`codetune_core.engines.protocol.Generation`).

    Raises TypeError for a part that cannot be keyed, and ValueError for a number that is none.
    """
    parts = dict(_parts(generation)) | {"tenant": tenant}
    parameters = {name: value for name, value in parts.items() if name != "messages"}
    key = CacheKey(
        str(parts["model.name"])[:_NAME_CHARS],
        str(parts["model.revision"])[:_REVISION_CHARS],
        digest(parts["messages"]),
        digest(parameters),
        generation.sample_index,
    )
    return Fingerprint(key, {name: _shown(name, value) for name, value in parts.items()})


def _parts(value: Any, path: str = "") -> Iterator[tuple[str, JsonValue]]:
    for name, inner in _fields(value):
        place = f"{path}{name}"
        if place in NOT_KEYED:
            continue
        if is_dataclass(inner) or isinstance(inner, BaseModel):
            yield from _parts(inner, f"{place}.")
        else:
            yield place, _plain(inner)


def _fields(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, BaseModel):
        yield from ((name, getattr(value, name)) for name in type(value).model_fields)
    else:
        yield from ((field.name, getattr(value, field.name)) for field in fields(value))


def _plain(value: Any) -> JsonValue:
    """JSON in which equal numbers are written alike."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {name: _plain(item) for name, item in value.items()}
    if is_dataclass(value) or isinstance(value, BaseModel):
        return {name: _plain(item) for name, item in _fields(value)}
    raise TypeError(f"{type(value).__name__} cannot be part of a cache key")


def _shown(name: str, value: JsonValue) -> JsonValue:
    if name == "messages" and isinstance(value, list):
        return [_shown_message(message) for message in value]
    if name.startswith("model.") or not value or isinstance(value, bool | int | float):
        return value
    return digest(value)


def _shown_message(message: JsonValue) -> JsonValue:
    role = message.get("role", "") if isinstance(message, dict) else ""
    return f"{role} {digest(message)}"
