"""Reads a log as it grows, also beyond its being set aside for a new one."""

import os
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

_POLL_SECONDS = 0.2


def lines_of(path: Path, last: int, *, follow: bool) -> Iterator[str]:
    """Yield the last lines of a log, none where there is none; to ``follow`` it, also what comes, without end."""
    wanted: int | None = last
    while True:
        with suppress(FileNotFoundError), path.open(encoding="utf-8", errors="replace") as log:
            yield from deque(log, wanted)
            if follow:
                yield from _growing(log, path)
        if not follow:
            return
        wanted = None  # all of the next one
        time.sleep(_POLL_SECONDS)


def _growing(log: TextIO, path: Path) -> Iterator[str]:
    """Yield lines as they come; the last ones of a log that was set aside too."""
    while True:
        replaced = not path.exists() or not os.path.samestat(path.stat(), os.fstat(log.fileno()))
        yield from log
        if replaced:
            return
        time.sleep(_POLL_SECONDS)
