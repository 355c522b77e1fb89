"""The baseline in a run of ``codetune review``: what it accepts, what in it is stale, and how it is written."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from codetune_core.cli.report import FileReport
from codetune_core.errors import BaselineError
from codetune_core.findings.baseline import Baseline, Entry, entry_of, render, take
from codetune_core.workspace.write import replace_file


def accept(baseline: Baseline, root: Path, files: Sequence[FileReport]) -> tuple[list[FileReport], Baseline]:
    """Set aside what the baseline accepts, each entry once; also gives the baseline's unused entries."""
    accepted, left = [], baseline
    for file in files:
        taken = take(left, file.baseline_path, file.findings, lambda path: (root / path).exists())
        left = left.without(taken.used)
        accepted.append(replace(file, findings=taken.shown, suppressed=(*file.suppressed, *taken.accepted)))
    return accepted, left


def stale(left: Baseline, root: Path, files: Sequence[FileReport]) -> tuple[Entry, ...]:
    """The unused entries of files that were reviewed without a failure, or that are gone."""
    whole = {
        file.baseline_path for file in files if file.document and not (file.notices or file.problem or file.skipped)
    }
    return tuple(entry for entry in left.entries if entry.path in whole or not (root / entry.path).exists())


def extended(baseline: Baseline, left: Baseline, files: Sequence[FileReport], reason: str, today: dt.date) -> Baseline:
    """The baseline with every finding shown added, and the entries of renamed files under their new paths."""
    new = [
        entry_of(finding, file.document, file.baseline_path, reason, today)
        for file in files
        if file.document
        for finding in file.findings
    ]
    used = baseline.without(left.entries)
    accepted = {finding.id: file.baseline_path for file in files for finding in file.suppressed}
    here = {file.baseline_path for file in files}
    moved = [entry for entry in used.entries if entry.path not in here and entry.id in accepted]
    renamed = [replace(entry, path=accepted[entry.id]) for entry in moved]
    return baseline.without(moved).added([*renamed, *new])


def write(path: Path, baseline: Baseline) -> None:
    """Write a baseline in one step; raises BaselineError."""
    try:
        replace_file(path, render(baseline).encode())
    except OSError as error:
        raise BaselineError(f"{path} cannot be written: {error.strerror or error}") from error
