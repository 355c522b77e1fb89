"""Answers one ``codetune review``: review, accept what the baseline accepts, report, decide the exit code."""

import asyncio
import datetime as dt
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

import click

from codetune_core.cli.accepting import accept, extended, stale, write
from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.fixing import Fixing
from codetune_core.cli.output import emit
from codetune_core.cli.progress import progress
from codetune_core.cli.report import FileReport, Report
from codetune_core.cli.run import review_files, review_text
from codetune_core.cli.workspace import Workspace, open_workspace, shown_path
from codetune_core.domain.review import Notice
from codetune_core.errors import CodeTuneError, UnreadableFile
from codetune_core.findings.baseline import Baseline, load
from codetune_core.workspace.discover import discover
from codetune_core.workspace.read import decode


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line asked for; see the options of ``codetune review``.

    ``stdin_name`` is the name under which the standard input is reviewed, None where files are.
    """

    paths: tuple[Path, ...]
    stdin_name: Path | None
    format_name: str
    output: Path | None
    fix: bool
    unsafe: bool
    fail_on: str | None
    baseline: Path | None
    write_baseline: bool
    reason: str | None
    jobs: int | None


def answer(request: Request) -> ExitCode:
    """Do what was asked and say how it ended."""
    try:
        workspace = _workspace(request)
        accepted = _Accepted.read(request, workspace)
        report = accepted.applied_to(_reviewed(request, workspace, accepted.baseline))
        emit(report, request.format_name, request.output, _report_stream(request))
    except CodeTuneError as error:
        click.echo(f"codetune: {error}", err=True)
        return ExitCode.USAGE
    return _exit_code(report, workspace)


@dataclass(frozen=True, slots=True)
class _Accepted:
    """The baseline of a request."""

    request: Request
    path: Path
    root: Path
    baseline: Baseline

    @classmethod
    def read(cls, request: Request, workspace: Workspace) -> "_Accepted":
        path = request.baseline or workspace.root / workspace.settings.baseline
        return cls(request, path, workspace.root, load(path))

    def applied_to(self, report: Report) -> Report:
        files, left = accept(self.baseline, self.root, report.files)
        if self.request.write_baseline:
            today = dt.datetime.now().astimezone().date()
            reason = self.request.reason or f"accepted on {today.isoformat()}"
            grown = extended(self.baseline, left, files, reason, today)
            write(self.path, grown)
            added = len(grown.entries) - len(self.baseline.entries)
            click.echo(f"{shown_path(self.path)}: {added} findings added, {len(grown.entries)} in all", err=True)
            files, left = accept(grown, self.root, report.files)
        return replace(report, files=tuple(files), stale=stale(left, self.root, files))


def _workspace(request: Request) -> Workspace:
    command_line = {"fail_on": request.fail_on} if request.fail_on else {}
    return open_workspace([request.stdin_name] if request.stdin_name else request.paths, command_line)


def _reviewed(request: Request, workspace: Workspace, baseline: Baseline) -> Report:
    started = time.monotonic()
    fixing = Fixing(request.unsafe, baseline, workspace.root) if request.fix else None
    files: Sequence[FileReport]
    if request.stdin_name:
        files, left_out = [_stdin(request.stdin_name, workspace, fixing)], Counter[str]()
    else:
        files, left_out = _files(request, workspace, fixing)
    notices = _once([*workspace.notices, *(notice for file in files for notice in _located(file))])
    failed = any(file.notices for file in files)
    return Report(tuple(files), left_out, notices, seconds=time.monotonic() - started, failed=failed)


def _files(request: Request, workspace: Workspace, fixing: Fixing | None) -> tuple[Sequence[FileReport], Counter[str]]:
    found = discover(request.paths, workspace.root, workspace.settings.files)
    with progress(len(found.targets)) as done:
        files = asyncio.run(review_files(workspace, found.targets, request.jobs, fixing, done))
    unlisted = [FileReport(shown_path(path), "", problem=text) for path, text in found.problems]
    return [*files, *unlisted], found.skipped


def _stdin(name: Path, workspace: Workspace, fixing: Fixing | None) -> FileReport:
    """Review the standard input; with --fix the text, fixed or not, goes to the standard output."""
    data = sys.stdin.buffer.read()
    try:
        source = decode(name, data)
    except UnreadableFile as error:
        if fixing:
            sys.stdout.buffer.write(data)
        return FileReport(shown_path(name), "", problem=str(error))
    report = asyncio.run(review_text(workspace, source, fixing))
    if fixing and report.document:
        sys.stdout.buffer.write(source.encode(report.document.text))
    return report


def _report_stream(request: Request) -> TextIO:
    """Where the report goes: not between the lines of a fixed text."""
    return sys.stderr if request.stdin_name and request.fix else sys.stdout


def _located(file: FileReport) -> Iterable[Notice]:
    """A file's notices; those about this very file begin with its path."""
    for notice in file.notices:
        here = file.document is not None and file.document.uri in notice.key
        yield replace(notice, text=f"{file.path}: {notice.text}") if here else notice


def _once(notices: Iterable[Notice]) -> tuple[Notice, ...]:
    return tuple({notice.key: notice for notice in notices}.values())


def _exit_code(report: Report, workspace: Workspace) -> ExitCode:
    if report.at_least(workspace.settings.fail_on):
        return ExitCode.FINDINGS
    return ExitCode.INCOMPLETE if report.problems or report.failed else ExitCode.CLEAN
