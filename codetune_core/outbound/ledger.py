"""The outbound ledger: a line for each request that left this machine, without what stood in it.

One file of JSON Lines for each UTC day. A line is an entry, written before anything is sent, or ``{"id", "outcome",
"milliseconds"}`` of one, written once it ended.
"""

import datetime as dt
import json
import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from platformdirs import user_state_path
from pydantic import TypeAdapter, ValidationError

from codetune_core.domain.clock import Clock, utc_now
from codetune_core.domain.identifiers import new_id
from codetune_core.errors import OutboundRefused

_LOG = logging.getLogger(__name__)
_NAME = re.compile(r"(\d{4}-\d\d-\d\d)\.jsonl")
_MOST_BYTES = 256_000_000
_TIDY_EVERY = 1000
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
UNKNOWN = "unknown"
"""Outcome of what has not ended, or whose process died."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request.

    Attributes:
        id: unique, ascending in time.
        at: when it was sent.
        destination: scheme, host and port of the server.
        method: of HTTP.
        path: of its URL.
        bytes: length of the body as it was sent.
        sha256: of the body, in hexadecimal digits.
        replaced: kind of secret -> how many placeholders the body has in its place.
        purpose: the task, or ``embed`` or ``rerank``.
        prompt: the prompt's name.
        execution: id of the execution.
        workspace: name of the workspace's folder.
        outcome: status of the answer, or what became of the request.
        milliseconds: until the answer began.
    """

    id: str
    at: dt.datetime
    destination: str
    method: str
    path: str
    bytes: int
    sha256: str
    replaced: Mapping[str, int] = field(default_factory=dict)
    purpose: str = ""
    prompt: str = ""
    execution: str = ""
    workspace: str = ""
    outcome: str = UNKNOWN
    milliseconds: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as it is written."""
        return {**asdict(self), "at": self.at.isoformat(timespec="milliseconds")}


_ENTRY = TypeAdapter(Entry)


def ledger_folder() -> Path:
    """Return where the user's ledger is, and the key of the placeholders."""
    return user_state_path("codetune") / "outbound"


class Ledger:
    """Appends to the ledger and reads it; several processes may at the same time."""

    def __init__(self, folder: Path, days: int, now: Clock = utc_now) -> None:
        self._folder = folder
        self._days = days
        self._now = now
        self._until_tidy: dict[str, int] = {}

    def begin(self, make: Callable[[str, dt.datetime], Entry]) -> Entry:
        """Write the entry that is made of an id and a time; raises OutboundRefused where it cannot be written."""
        entry = make(str(new_id()), self._now())
        day = self._day(entry)
        written = {name: value for name, value in entry.as_json().items() if name not in {"outcome", "milliseconds"}}
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._is_time_to_tidy(day):
                self.tidy()
            self._append(day, written)
        except OSError as error:
            told = f"the outbound ledger in {self._folder} cannot be written: {error.strerror or error}"
            raise OutboundRefused(f"nothing is sent, because {told}") from error
        return entry

    def end(self, entry: Entry, outcome: str, milliseconds: float) -> None:
        """Write what became of an entry; what left has left, so a failure is only logged."""
        try:
            told = {"id": entry.id, "outcome": outcome, "milliseconds": round(milliseconds, 1)}
            self._append(self._day(entry), told)
        except OSError as error:
            _LOG.warning("the outbound ledger cannot be written: %s", error)

    def newest(self, since: dt.datetime | None = None) -> Iterator[Entry]:
        """Yield the entries that are still remembered, the newest first."""
        oldest = self._now() - dt.timedelta(days=self._days)
        since = max(since, oldest) if since else oldest
        for path in reversed(self._files()):
            if path.stem < f"{since.astimezone(dt.UTC):%Y-%m-%d}":
                return
            yield from (entry for entry in reversed(_read(path)) if entry.at >= since)

    def find(self, beginning: str) -> list[Entry]:
        """Return the entries whose id, or that of their execution, begins so; the newest first."""
        return [
            entry for entry in self.newest() if entry.id.startswith(beginning) or entry.execution.startswith(beginning)
        ]

    def tidy(self) -> None:
        """Remove what is older than the days it is remembered, and the oldest days beyond 256 MB."""
        first = f"{self._now().astimezone(dt.UTC) - dt.timedelta(days=self._days):%Y-%m-%d}"
        total = 0
        for path in reversed(self._files()):
            total += path.stat().st_size
            if path.stem < first or (total > _MOST_BYTES and path.stem < f"{self._now():%Y-%m-%d}"):
                path.unlink(missing_ok=True)

    def _is_time_to_tidy(self, day: str) -> bool:
        left = self._until_tidy.get(day, 0)
        self._until_tidy = {day: (left or _TIDY_EVERY) - 1}
        return left == 0

    def _append(self, day: str, content: Mapping[str, Any]) -> None:
        """Write a line at once, so that those of other processes do not mix with it; raises OSError."""
        line = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        descriptor = os.open(self._folder / f"{day}.jsonl", _APPEND, 0o600)
        try:
            if os.write(descriptor, line) < len(line):
                os.write(descriptor, b"\n")
                raise OSError(0, "the disk is full")
        finally:
            os.close(descriptor)

    def _files(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if _NAME.fullmatch(path.name))

    @staticmethod
    def _day(entry: Entry) -> str:
        return f"{entry.at.astimezone(dt.UTC):%Y-%m-%d}"


def _read(path: Path) -> list[Entry]:
    """Read a day; a line that is damaged is passed over."""
    entries: dict[str, Entry] = {}
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:  # another process removed what is too old
        return []
    for line in lines:
        try:
            told = json.loads(line)
            if (known := entries.get(told["id"])) is not None:
                entries[known.id] = replace(known, outcome=str(told["outcome"]), milliseconds=told["milliseconds"])
            else:
                entries[told["id"]] = _ENTRY.validate_python(told)
        except (ValueError, KeyError, TypeError, ValidationError):
            continue
    return list(entries.values())
