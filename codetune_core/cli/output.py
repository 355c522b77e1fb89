"""Writes a report in the format that was asked for, to the standard output or to a file."""

import sys
from pathlib import Path
from typing import TextIO

from codetune_core.cli.formats.summary import summary
from codetune_core.cli.report import Report
from codetune_core.errors import CodeTuneError
from codetune_core.workspace.write import replace_file


def emit(report: Report, format_name: str, output: Path | None, stream: TextIO) -> None:
    """Write a report; raises CodeTuneError where the file cannot be written.

    A report that is not read in the terminal is followed by its problems and its summary on the standard error.
    """
    if format_name == "text" and output is None:
        _write_text(report, stream)
        return
    content = _content(report, format_name)
    if output is None:
        stream.write(content)
    else:
        _save(output, content)
    lines = [f"not reviewed: {file.path}: {file.problem}" for file in report.problems]
    lines += [f"notice: {notice.text}" for notice in report.notices]
    sys.stderr.write("".join(f"{line}\n" for line in (*lines, summary(report))))


def _write_text(report: Report, stream: TextIO) -> None:
    from codetune_core.cli.formats.as_text import write_text  # noqa: PLC0415 - rich, only where text is printed

    write_text(report, stream)


def _content(report: Report, format_name: str) -> str:
    # Only the format that is asked for is imported.
    match format_name:
        case "json":
            from codetune_core.cli.formats.as_json import as_json  # noqa: PLC0415

            return as_json(report)
        case "sarif":
            from codetune_core.cli.formats.as_sarif import as_sarif  # noqa: PLC0415

            return as_sarif(report)
        case "github":
            from codetune_core.cli.formats.as_github import as_github  # noqa: PLC0415

            return as_github(report)
        case _:
            from codetune_core.cli.formats.as_text import plain_text  # noqa: PLC0415

            return plain_text(report)


def _save(output: Path, content: str) -> None:
    try:
        replace_file(output, content.encode("utf-8", "replace"))
    except OSError as error:
        raise CodeTuneError(f"{output} cannot be written: {(error.strerror or str(error)).lower()}") from error
