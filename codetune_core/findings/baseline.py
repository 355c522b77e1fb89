"""The baseline: findings that a team accepted, each with a reason, in a file that reads well in a review of changes."""

import datetime as dt
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import tomli_w

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding, Suppression, SuppressionKind
from codetune_core.domain.text import without_end
from codetune_core.errors import BaselineError
from codetune_core.findings.credentials import hidden

_HEAD = (
    "# Findings that were accepted, each with the reason. CodeTune shows any other.\n"
    "# Written by `codetune review --write-baseline`; reasons may be edited by hand.\n"
)
_LONGEST_LINE = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One accepted finding.

    Attributes:
        id: the finding's.
        rule: id of its rule.
        path: of the file, relative to the workspace, with ``/``.
        line: text of its first line, for the reader: where it is now does not matter.
        reason: why it is accepted.
        date: when that was decided.
    """

    id: str
    rule: str
    path: str
    line: str
    reason: str
    date: dt.date

    @property
    def order(self) -> tuple[str, str, str, str]:
        """Entries are written in this order, so that a changed file changes few neighbouring lines."""
        return self.path, self.rule, self.line, self.id


@dataclass(frozen=True, slots=True)
class Baseline:
    """Accepted findings, in the order they are written in."""

    entries: tuple[Entry, ...] = ()

    def added(self, entries: Iterable[Entry]) -> "Baseline":
        """A baseline with these entries too; of two with one id and path the one that is there already stays."""
        kept = {(entry.id, entry.path): entry for entry in (*entries, *self.entries)}
        return Baseline(tuple(sorted(kept.values(), key=lambda entry: entry.order)))

    def without(self, entries: Iterable[Entry]) -> "Baseline":
        """A baseline less these entries."""
        return Baseline(tuple((Counter(self.entries) - Counter(entries)).elements()))


@dataclass(frozen=True, slots=True)
class Taken:
    """What a baseline does to one file's findings: shown, accepted, and which entry accepted which."""

    shown: tuple[Finding, ...]
    accepted: tuple[Finding, ...]
    used: tuple[Entry, ...]


def entry_of(finding: Finding, document: Document, path: str, reason: str, date: dt.date) -> Entry:
    """The entry that accepts a finding; ``path`` is relative to the workspace, with ``/``."""
    line = _line_of(finding, document).strip()[:_LONGEST_LINE].rstrip()
    return Entry(finding.id, finding.rule.id, path, line, reason, date)


def apply(
    baseline: Baseline, path: str, findings: Iterable[Finding], exists: Callable[[str], bool]
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Part one file's findings into those shown and those accepted, the latter with their reason; see ``take``."""
    taken = take(baseline, path, findings, exists)
    return taken.shown, taken.accepted


def take(baseline: Baseline, path: str, findings: Iterable[Finding], exists: Callable[[str], bool]) -> Taken:
    """Match one file's findings with a baseline, whose every entry accepts one finding.

    An entry matches by id and path; where its file is gone, by id alone, since the file may have been renamed.

    Args:
        baseline: what was accepted; take the used entries out of it before the next file, so that none counts twice.
        path: of the file, relative to the workspace, with ``/``.
        findings: of that file, with their ids.
        exists: says whether a path relative to the workspace is there.
    """
    here = {entry.id: entry for entry in baseline.entries if entry.path == path}
    wanted = {finding.id for finding in findings} - here.keys()
    gone = {entry.id: entry for entry in baseline.entries if entry.id in wanted and not exists(entry.path)}
    entries = gone | here
    shown: list[Finding] = []
    accepted: list[Finding] = []
    used: list[Entry] = []
    for finding in findings:
        entry = entries.pop(finding.id, None)
        if entry is None:
            shown.append(finding)
        else:
            used.append(entry)
            accepted.append(replace(finding, suppression=Suppression(SuppressionKind.BASELINE, entry.reason)))
    return Taken(tuple(shown), tuple(accepted), tuple(used))


def parse(text: str, source: str) -> Baseline:
    """A baseline from its TOML; raises BaselineError, naming ``source``, where anything in it is wrong."""
    try:
        written = tomllib.loads(text).get("accepted", [])
    except tomllib.TOMLDecodeError as error:
        raise BaselineError(f"{source} is not valid TOML: {error}") from error
    if not isinstance(written, list):
        raise BaselineError(f"{source}: `accepted` is not an array of tables")
    return Baseline(tuple(_entry(values, number, source) for number, values in enumerate(written, 1)))


def render(baseline: Baseline) -> str:
    """The TOML of a baseline: the same text for the same entries."""
    entries = [asdict(entry) for entry in sorted(baseline.entries, key=lambda entry: entry.order)]
    return f"{_HEAD}\n{tomli_w.dumps({'accepted': entries})}" if entries else _HEAD


def load(path: Path) -> Baseline:
    """The baseline of a file, empty where there is none; raises BaselineError where it cannot be used."""
    try:
        return parse(path.read_bytes().decode("utf-8-sig"), str(path))
    except FileNotFoundError:
        return Baseline()
    except (OSError, UnicodeDecodeError) as error:
        raise BaselineError(f"{path} cannot be read: {error}") from error


def _line_of(finding: Finding, document: Document) -> str:
    start = finding.range.start
    if start.line >= len(document.lines):
        return ""
    return without_end(hidden(document, [finding]).lines[start.line]).encode("utf-8", "replace").decode()


def _entry(values: object, number: int, source: str) -> Entry:
    if not isinstance(values, dict):
        raise BaselineError(f"{source}: entry {number} of `accepted` is not a table")
    texts = {name: values.get(name) for name in ("id", "rule", "path")}
    wrong = [name for name, value in texts.items() if not isinstance(value, str) or not value]
    if wrong:
        raise BaselineError(f"{source}: entry {number} needs a text for `{wrong[0]}`")
    date = values.get("date", dt.date.min)
    if isinstance(date, dt.datetime) or not isinstance(date, dt.date):
        raise BaselineError(
            f"{source}: entry {number}: `date` is not a date such as 2026-01-31, written without quotes"
        )
    line, reason = (str(values.get(name, "")) for name in ("line", "reason"))
    return Entry(str(texts["id"]), str(texts["rule"]), str(texts["path"]), line, reason, date)
