"""The report as workflow commands of GitHub Actions, which shows them at the lines of a pull request.

Source: GitHub's page "Workflow commands for GitHub Actions"; the escapes are those of ``@actions/core``.
"""

from codetune_core.cli.report import FileReport, Report
from codetune_core.domain.finding import Finding, Severity

_COMMANDS = {
    Severity.INFO: "notice",
    Severity.LOW: "notice",
    Severity.MEDIUM: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "error",
}


def as_github(report: Report) -> str:
    """One command a line: findings, then what could not be reviewed."""
    commands = [_finding(file, finding) for file in report.files for finding in file.findings]
    commands += [_command("error", file.problem, file=file.path) for file in report.problems]
    commands += [_command("warning", notice.text) for notice in report.notices]
    return "".join(f"{command}\n" for command in commands)


def _finding(file: FileReport, finding: Finding) -> str:
    start, end = finding.range.start, finding.range.end
    place = {"file": file.path, "line": str(start.line + 1), "endLine": str(end.line + 1)}
    if start.line == end.line:  # GitHub knows columns only within one line, the last one included
        place |= {"col": str(start.column + 1), "endColumn": str(max(end.column, start.column + 1))}
    cwe = "".join(f" CWE-{number}" for number in finding.rule.cwe[:1])
    title = f"{finding.severity}: {finding.rule.title} ({finding.rule.id}{cwe})"
    return _command(_COMMANDS[finding.severity], finding.message, **place, title=title)


def _command(name: str, message: str, **properties: str) -> str:
    written = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {written}::{_data(message)}" if written else f"::{name}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
