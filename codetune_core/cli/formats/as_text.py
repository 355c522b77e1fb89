"""The report for people: each finding with its code, its evidence and its fix."""

from collections.abc import Iterable
from io import StringIO
from typing import TextIO, TypedDict

from rich.console import Console
from rich.text import Text

from codetune_core.cli.formats.changes import changes
from codetune_core.cli.formats.snippet import snippet
from codetune_core.cli.formats.summary import stale_text, summary
from codetune_core.cli.formats.visible import visible
from codetune_core.cli.report import FileReport, Report
from codetune_core.cli.workspace import shown_uri
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Finding, Severity, Step
from codetune_core.domain.fix import Applicability, Fix
from codetune_core.findings.credentials import hidden


class _Literal(TypedDict):
    highlight: bool
    markup: bool
    emoji: bool
    soft_wrap: bool


_STYLES = {
    Severity.CRITICAL: "bold white on red",
    Severity.HIGH: "bold red",
    Severity.MEDIUM: "bold yellow",
    Severity.LOW: "bold cyan",
    Severity.INFO: "bold blue",
}
_MARK_STYLE = "bold red"
_UNICODE = {"open": "╭─", "bar": "│", "item": "├", "close": "╰", "mark": "━"}
_ASCII = {"open": "--", "bar": "|", "item": "+", "close": "+", "mark": "^"}
_LITERAL: _Literal = {"highlight": False, "markup": False, "emoji": False, "soft_wrap": True}
_NO_TERMINAL = 100_000
"""Cells of a line that nobody looks at in a terminal: such a line is not wrapped."""
_MOST_CHANGES = 12
_LABEL = 7


def plain_text(report: Report) -> str:
    """A report without colours, for a file."""
    stream = StringIO()
    _write(report, Console(file=stream, no_color=True, force_terminal=False, width=_NO_TERMINAL, **_LITERAL))
    return stream.getvalue()


def write_text(report: Report, stream: TextIO) -> None:
    """Write a report, in colour and wrapped where the stream is a terminal that wants that."""
    console = Console(file=stream, **_LITERAL)
    if not console.is_terminal:
        console.width = _NO_TERMINAL
    _write(report, console)


def _write(report: Report, console: Console) -> None:
    writer = _Writer(console)
    for file in report.files:
        writer.file(file)
    writer.end(report)


class _Writer:
    """Writes the parts of a report to one console."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._signs = _UNICODE if console.encoding.startswith("utf") else _ASCII
        self._gutter = 0
        self._lines: list[Text] = []

    def file(self, file: FileReport) -> None:
        """Write what concerns one file; nothing where nothing does."""
        for fix in file.applied:
            fixed = (Text("fixed", "green"), f" {visible(file.path)}:{fix.line} {fix.rule} {visible(fix.title)}")
            self._console.print(Text.assemble(*fixed))
        if file.document:
            document = hidden(file.document, file.findings)
            for finding in file.findings:
                self._finding(file.path, document, finding)

    def end(self, report: Report) -> None:
        """Write what holds for the whole run."""
        for file in report.problems:
            self._said("not reviewed", "red", f"{file.path}: {file.problem}")
        for notice in report.notices:
            self._said("notice", "yellow", notice.text)
        if report.stale:
            self._said("notice", "yellow", stale_text(report.stale))
        worst = next((severity for severity, count in report.by_severity.items() if count), None)
        style = "bold green" if worst is None else "bold"
        self._console.print(Text(summary(report), style))

    def _said(self, what: str, style: str, text: str) -> None:
        self._console.print(Text.assemble((f"{what}:", style), " ", visible(text)))

    def _finding(self, path: str, document: Document, finding: Finding) -> None:
        self._gutter = len(str(finding.range.end.line + 1)) + 1
        self._title(finding)
        start = finding.range.start
        place = f"{visible(path)}:{start.line + 1}:{start.column + 1}"
        where = f" in {visible(finding.symbol)}" if finding.symbol else ""
        self._line(self._signs["open"], Text.assemble((place, "bold"), (where, "dim")))
        self._code(document, finding)
        self._block(self._signs["item"], "", finding.message)
        if finding.stale:
            self._block(self._signs["item"], "", "from the last text that parsed; the present one does not")
        self._evidence(path, finding.evidence)
        if finding.fixes:
            self._fix(document, finding.fixes[0])
        self._line(self._signs["close"], Text(_origin(finding), "dim"))
        self._console.print(*self._lines, sep="\n", end="\n\n")  # at once: each call of rich's costs
        self._lines = []

    def _title(self, finding: Finding) -> None:
        cwe = " ".join(f"CWE-{number}" for number in finding.rule.cwe)
        parts = Text.assemble((f" {finding.severity} ", _STYLES[finding.severity]), f" {finding.rule.id}")
        parts.append(f" {cwe}" if cwe else "", "dim")
        parts.append(f"  {visible(finding.rule.title)}", "bold")
        self._lines.append(parts)

    def _code(self, document: Document, finding: Finding) -> None:
        bar = self._signs["bar"]
        self._line(bar, Text())
        for line in snippet(document, finding.range, self._room):
            self._line(bar, Text(line.code), str(line.number) if line.number else "")
            if line.number:
                self._line(bar, Text(" " * line.start + self._signs["mark"] * (line.end - line.start), _MARK_STYLE))
        self._line(bar, Text())

    def _evidence(self, path: str, evidence: Iterable[Step]) -> None:
        for number, step in enumerate(evidence, 1):
            place = f"{shown_uri(step.uri) if step.uri else path}:{step.range.start.line + 1}"
            self._block(self._signs["item"], f"step {number}", f"{step.message} ({place})")

    def _fix(self, document: Document, fix: Fix) -> None:
        if fix.applicability is Applicability.DISPLAY_ONLY:
            self._block(self._signs["item"], "to do", fix.title)
            return
        self._block(self._signs["item"], "fix", f"{fix.title} ({fix.applicability}; {fix.verification.describe()})")
        changed = list(changes(document, fix.edits))
        last = 0
        for change in changed[:_MOST_CHANGES]:
            style = "red" if change.sign == "-" else "green"
            number = str(change.number) if change.number > last else ""
            self._line(self._signs["bar"], Text(f"{change.sign} {visible(change.text)}", style), number)
            last = max(last, change.number)
        if len(changed) > _MOST_CHANGES:
            self._line(self._signs["bar"], Text(f"... and {len(changed) - _MOST_CHANGES} more lines", "dim"))

    @property
    def _room(self) -> int:
        return max(20, self._console.width - self._gutter - 4)

    def _line(self, sign: str, text: Text, number: str = "") -> None:
        line = Text.assemble((f"{number:>{self._gutter}} {sign}", "blue"), " ", text)
        line.rstrip()
        self._lines.append(line)

    def _block(self, sign: str, label: str, words: str) -> None:
        """Words, wrapped with a hanging indent under their label."""
        head = f"{label:<{_LABEL}}" if label else ""
        lines = Text(visible(words)).wrap(self._console, max(20, self._room - len(head)))
        for number, line in enumerate(lines):
            lead = head if number == 0 else " " * len(head)
            self._line(sign if number == 0 else self._signs["bar"], Text.assemble((lead, "bold"), line))


def _origin(finding: Finding) -> str:
    parts = [f"found by {', '.join(finding.detectors)}", f"confidence {finding.confidence}", f"id {finding.id}"]
    return ", ".join(parts)
