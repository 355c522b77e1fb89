"""From the bytes of one message to a request, a notification or an answer, or to why it is none of them."""

import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cattrs import BaseValidationError, Converter, transform_error
from lsprotocol import types
from pygls.protocol import default_converter

from codetune_server.commands import CommandParams
from codetune_server.errors import INVALID_REQUEST, PARSE_ERROR, RequestError, invalid_params

_VERSION = "2.0"
_PARTS = re.compile(r"\.(\w+)|\[(\d+)\]")
_PRUNINGS = 8


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message.

    Attributes:
        method: empty for an answer.
        id: None for a notification.
        raw: the message as it came.
    """

    method: str
    id: int | str | None
    raw: dict[str, Any]

    @property
    def is_request(self) -> bool:
        """Whether an answer is owed."""
        return bool(self.method) and self.id is not None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the bytes are no message, and the id under which to say so."""

    id: int | str | None
    error: RequestError


def strict_converter() -> Converter:
    """The converter of pygls, but null is not the text "None", and "5" is no number."""
    converter: Converter = default_converter()  # type: ignore[no-untyped-call]
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _exactly)
    converter.register_structure_hook(
        types.ExecuteCommandParams, lambda value, _: converter.structure(value, CommandParams)
    )
    return converter


def _exactly(value: Any, kind: type) -> Any:
    if issubclass(kind, Enum):  # cattrs asks here for enumerations of these types too
        return kind(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)  # there are editors whose numbers are all floats
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}")
    return value


def read(body: bytes) -> Incoming | Refusal:
    """Read one message."""
    try:
        raw = json.loads(body.decode())
    except (ValueError, RecursionError):
        return Refusal(None, RequestError(PARSE_ERROR, "The message is not JSON in UTF-8."))
    if not isinstance(raw, dict):
        return Refusal(None, RequestError(INVALID_REQUEST, "A message must be one JSON object; LSP knows no batches."))
    message_id, method = raw.get("id"), raw.get("method", "")
    if isinstance(message_id, bool) or not isinstance(message_id, int | str | None):
        return Refusal(None, RequestError(INVALID_REQUEST, "An id must be an integer or a string."))
    is_answer = not method and message_id is not None and ("result" in raw or "error" in raw)
    if raw.get("jsonrpc") != _VERSION or not isinstance(method, str) or not (method or is_answer):
        return Refusal(message_id, RequestError(INVALID_REQUEST, "The message is not of the form of JSON-RPC 2.0."))
    if method and message_id is None and "id" in raw:
        return Refusal(None, RequestError(INVALID_REQUEST, "A request's id must not be null."))
    return Incoming(method, message_id, raw)


def params_of(message: Incoming, converter: Converter) -> Any:
    """The parameters as the method's type; raises RequestError (InvalidParams) that says which are wrong.

    What a client says of its own abilities is read forgivingly: values that this version of the protocol does not
    know are left out.
    """
    kind = types.METHOD_TO_TYPES.get(message.method, (None,))[0]
    if kind is None:
        return message.raw.get("params")
    for _ in range(_PRUNINGS):
        try:
            return converter.structure(message.raw, kind).params
        except BaseValidationError as error:
            places = _places(error)
            if message.method != types.INITIALIZE or not _prune(message.raw, places):
                raise invalid_params(f"Wrong or missing: {', '.join(places)}") from None
        except Exception:  # noqa: BLE001 - cattrs raises whatever a constructor raises
            break
    raise invalid_params("The parameters do not fit the method.")


def _places(error: BaseValidationError) -> list[str]:
    """Where the wrong values stand, such as ``params.position.line``, without the values."""
    return sorted({line.rpartition("@ $.")[2] for line in transform_error(error)}, key=_natural)


def _natural(place: str) -> list[int | str]:
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", place)]


def _prune(raw: dict[str, Any], places: list[str]) -> bool:
    """Cut the named values out of the client's capabilities; says whether anything was cut."""
    cuttable = [place for place in places if place.startswith("params.capabilities.")]
    return sum(_cut(raw, place) for place in reversed(cuttable)) > 0


def _cut(raw: dict[str, Any], place: str) -> bool:
    steps = [_camel(name) if name else int(index) for name, index in _PARTS.findall(f".{place}")]
    holder: Any = raw
    try:
        for step in steps[:-1]:
            holder = holder[step]
        del holder[steps[-1]]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
