"""How long Spaces took to wake up, as this user saw it: what a waiting person is told comes from it."""

import json
import os
from contextlib import suppress
from pathlib import Path
from statistics import median

from platformdirs import user_state_path

_KEPT = 10
_MOST_SPACES = 50


class Wakings:
    """Durations in seconds, by name; ``path`` of the file that keeps the last ones.

    A file that cannot be read or written is none: nobody has to know how long something takes.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or user_state_path("codetune") / "wakings.json"

    def usual(self, name: str) -> float | None:
        """Return the median of the last times; None where there were none."""
        seen = self._read().get(name)
        return median(seen) if seen else None

    def add(self, name: str, seconds: float) -> None:
        """Note how long it took this time."""
        known = self._read()
        seen = [*known.pop(name, []), round(seconds, 1)][-_KEPT:]
        kept = dict([*known.items(), (name, seen)][-_MOST_SPACES:])
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(kept), "utf-8")
            beside.replace(self._path)

    def _read(self) -> dict[str, list[float]]:
        try:
            content = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(content, dict):
            return {}
        return {name: times for name, times in content.items() if _are_times(times)}


def _are_times(times: object) -> bool:
    return isinstance(times, list) and bool(times) and all(isinstance(one, int | float) for one in times)
