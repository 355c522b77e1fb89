"""``codetune review``: the findings of the editor in a terminal and in continuous integration."""

import sys
from pathlib import Path

import click

from codetune_core.cli.exit_codes import ExitCode
from codetune_core.domain.finding import Severity

_FORMATS = ("text", "json", "sarif", "github")
_PATH = click.Path(path_type=Path)


@click.command(short_help="Review files and directories for security flaws.")
@click.argument("paths", nargs=-1, type=_PATH)
@click.option("--format", "format_name", type=click.Choice(_FORMATS), default="text", help="How to write the report.")
@click.option("--output", "-o", type=_PATH, metavar="FILE", help="Write the report to a file.")
@click.option("--fix", is_flag=True, help="Apply the fixes that are safe.")
@click.option("--unsafe-fixes", is_flag=True, help="Also apply fixes that may change what the program does; read them.")
@click.option(
    "--fail-on",
    type=click.Choice([str(severity) for severity in Severity]),
    help="Exit with 1 where a finding is at least this severe. [default: the setting fail_on, which is low]",
)
@click.option("--baseline", type=_PATH, metavar="FILE", help="Accepted findings. [default: codetune-baseline.toml]")
@click.option("--write-baseline", is_flag=True, help="Accept every finding there is now: add it to the baseline.")
@click.option("--reason", metavar="TEXT", help="Why --write-baseline accepts them. [default: accepted on DATE]")
@click.option(
    "--jobs", "-j", type=click.IntRange(1), metavar="N", help="Worker processes. [default: one per processor]"
)
@click.option("--stdin-filename", type=_PATH, metavar="NAME", help="Review the standard input as if it were this file.")
def review(  # noqa: PLR0913, PLR0917 - the options of a command line
    paths: tuple[Path, ...],
    format_name: str,
    output: Path | None,
    fix: bool,  # noqa: FBT001
    unsafe_fixes: bool,  # noqa: FBT001
    fail_on: str | None,
    baseline: Path | None,
    write_baseline: bool,  # noqa: FBT001
    reason: str | None,
    jobs: int | None,
    stdin_filename: Path | None,
) -> None:
    """Review files and directories for security flaws; without PATHS, the working directory.

    A directory is searched for text files, less those that .gitignore, `files.exclude` or their kind (generated,
    minified, vendored, over-large) leave out. A file that is named is always reviewed.

    \b
    codetune review                             this project
    codetune review src/app.py --fix            one file; apply the safe fixes
    codetune review --format sarif -o out.sarif for code scanning
    codetune review --fail-on high              let lesser findings pass
    codetune review --write-baseline --reason "reviewed in May, see SEC-12"
    git show :app.py | codetune review --stdin-filename app.py

    \b
    Exit code: 0  nothing at or above --fail-on
               1  a finding at or above --fail-on
               2  the command line, the settings or the baseline cannot be used
               3  no such finding, but something could not be reviewed
    """  # noqa: D301 - the backspace is click's
    _check_usage(paths, stdin_filename, reason, write_baseline=write_baseline)
    from codetune_core.cli.request import Request, answer  # noqa: PLC0415 - `--help` does not wait for it

    wants_stdin = stdin_filename is not None or paths == (Path("-"),)
    request = Request(
        paths=paths or (Path(),),
        stdin_name=(stdin_filename or Path("stdin.py")) if wants_stdin else None,
        format_name=format_name,
        output=output,
        fix=fix or unsafe_fixes,
        unsafe=unsafe_fixes,
        fail_on=fail_on,
        baseline=baseline,
        write_baseline=write_baseline,
        reason=reason,
        jobs=jobs,
    )
    try:
        sys.exit(answer(request))
    except KeyboardInterrupt:
        click.echo("interrupted: nothing is reported, files that were being fixed are whole", err=True)
        sys.exit(ExitCode.INTERRUPTED)


def _check_usage(
    paths: tuple[Path, ...], stdin_filename: Path | None, reason: str | None, *, write_baseline: bool
) -> None:
    if stdin_filename and any(str(path) != "-" for path in paths):
        raise click.UsageError("--stdin-filename reviews the standard input alone: leave the PATHS out")
    if Path("-") in paths and len(paths) > 1:
        raise click.UsageError("`-` reviews the standard input alone: leave the other PATHS out")
    if reason and not write_baseline:
        raise click.UsageError("--reason goes with --write-baseline")
