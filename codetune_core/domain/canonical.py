"""One text for one value: canonical JSON and its digest, for keys and content hashes."""

import hashlib
import json
from decimal import Decimal
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no white space; equal values give equal text, and other values another.

    Numbers are equal as JSON numbers: 1 and 1.0, 0 and -0.0, 1e22 and its 23 digits, since a database gives back
    one for the other. Raises TypeError for what JSON cannot say and ValueError for NaN and infinities.
    """
    return _ENCODER.encode(_plain(value))


def digest(value: Any) -> str:
    """SHA-256 of a value's canonical JSON: 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(Decimal(repr(value)))  # of the digits that JSON writes: int(1e23) has others
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    return value
