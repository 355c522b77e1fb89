"""Lines of a log in JSON, as people read them."""

import datetime as dt
import json
from typing import Any

_TIME, _LEVEL, _EVENT = "timestamp", "level", "event"


def readable(line: str) -> str:
    """Return time of day here, level, event and the rest as ``key=value``; what is no such line stays as it is."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return line
    if not (isinstance(entry, dict) and _EVENT in entry):
        return line
    words = (_when(entry.get(_TIME)), f"{entry.get(_LEVEL, ''):<7}", str(entry[_EVENT]))
    rest = (f"{name}={_shown(value)}" for name, value in entry.items() if name not in {_TIME, _LEVEL, _EVENT})
    return " ".join((*filter(None, words), *rest))


def _when(timestamp: object) -> str:
    """Return a moment in ISO 8601 as the clock here shows it; what is none as it is."""
    try:
        return f"{dt.datetime.fromisoformat(str(timestamp)).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError):
        return "" if timestamp is None else str(timestamp)


def _shown(value: Any) -> str:
    """Return a value that can be told from what follows: a word bare, everything else in JSON."""
    if isinstance(value, str) and value and not any(character.isspace() or character in '"=' for character in value):
        return value
    return json.dumps(value, ensure_ascii=False)
