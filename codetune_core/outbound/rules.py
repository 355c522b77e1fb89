"""What a folder's ``codetune.toml``, ``pyproject.toml`` and ``.codetuneignore`` say about what may leave."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pathspec import GitIgnoreSpec

from codetune_core.settings import FILE_NAME

IGNORE_FILE = ".codetuneignore"
_FILES = (FILE_NAME, "pyproject.toml", IGNORE_FILE)


@dataclass(frozen=True, slots=True)
class Rules:
    """What one file says, for all that is in its folder.

    Attributes:
        source: path of the file.
        local_only: whether nothing may leave.
        ignore: which files' text may not.
        broken: why it cannot be read; empty where it can.
    """

    source: str
    local_only: bool = False
    ignore: GitIgnoreSpec | None = None
    broken: str = ""


def rules_of(folder: Path) -> Iterator[Rules]:
    """Yield what each file of a folder says; a file that has not changed is not read again."""
    for name in _FILES:
        path = folder / name
        try:
            status = path.stat()
        except OSError:
            continue
        if rules := _read(path, status.st_mtime_ns, status.st_size):
            yield rules


@lru_cache(maxsize=1024)
def _read(path: Path, _changed: int, _size: int) -> Rules | None:
    try:
        text = path.read_text("utf-8")
        if path.name == IGNORE_FILE:
            return Rules(str(path), ignore=GitIgnoreSpec.from_lines(text.splitlines()))
        if "outbound" not in text:
            return None
        return _from_table(str(path), tomllib.loads(text), in_tool=path.name == "pyproject.toml")
    except (OSError, ValueError) as error:
        return Rules(str(path), broken=str(error))


def _from_table(source: str, values: Any, *, in_tool: bool) -> Rules:
    for name in ("tool", "codetune", "outbound") if in_tool else ("outbound",):
        values = values.get(name, {}) if isinstance(values, dict) else {}
    if not isinstance(values, dict):
        return Rules(source, broken="`outbound` is no table")
    named = {name.replace("-", "_").replace("localOnly", "local_only"): value for name, value in values.items()}
    patterns, local_only = named.get("ignore", []), named.get("local_only", False)
    if not isinstance(patterns, list) or not all(isinstance(pattern, str) for pattern in patterns):
        return Rules(source, broken="`outbound.ignore` is no list of globs")
    if not isinstance(local_only, bool):
        return Rules(source, broken="`outbound.local_only` is neither true nor false")
    return Rules(source, local_only, GitIgnoreSpec.from_lines(patterns) if patterns else None)
