"""``codetune prompts import``, ``export`` and ``sync``: prompts as files that read well and diff well in git."""

from collections.abc import Sequence
from pathlib import Path

import click

from codetune_core.bootstrap.core import Core
from codetune_core.cli.core import with_core
from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.formats.visible import visible
from codetune_core.cli.prompts import as_json, as_text
from codetune_core.cli.prompts.lookup import standing_or_newest
from codetune_core.cli.prompts.options import FORMAT, LABEL, MESSAGE, reference, who
from codetune_core.cli.workspace import shown_path
from codetune_core.domain.deployment import PRODUCTION
from codetune_core.errors import PromptError
from codetune_core.prompts.exchange import Outcome, Transfer, export_prompts
from codetune_core.prompts.exchange import import_prompts as bring_in
from codetune_core.prompts.files import write_prompt
from codetune_core.prompts.sync import Kind, SyncChange
from codetune_core.prompts.sync import sync as keep_equal

_SETTLED = {Kind.EQUAL, Kind.TO_LIBRARY, Kind.TO_DIRECTORY}
"""What needs nobody to decide anything."""


@click.command("import", short_help="Read prompts from files.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@click.option("--label", help="Deploy what was read to this label, such as production; without, nothing is deployed.")
@MESSAGE
@FORMAT
def import_prompts(paths: tuple[Path, ...], label: str | None, message: str, format_name: str) -> None:
    """Add what files say: a new prompt, or the next version of the prompt of that name.

    Files end with `.prompt.md`: ours, or those of Visual Studio Code. A directory stands for all of its files. All are
    read before anything is written: one bad file, and nothing is.

    \b
    codetune prompts import prompts/ --label staging
    codetune prompts import .github/prompts/review.prompt.md
    """  # noqa: D301 - the backspace is click's

    async def work(core: Core) -> ExitCode:
        return _tell(await bring_in(core.prompts, paths, by=who(), label=label, notes=message), format_name)

    with_core(work)


@click.command(short_help="Write prompts to files.")
@click.argument("directory", type=click.Path(file_okay=False, allow_dash=True, path_type=Path))
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--label", default=PRODUCTION, show_default=True, help="Whose version is written, or else the newest.")
@click.option("--overwrite", is_flag=True, help="Also where a file says something else.")
@FORMAT
def export(directory: Path, names: tuple[str, ...], label: str, overwrite: bool, format_name: str) -> None:  # noqa: FBT001
    """Write prompts, all of them where none is named, as one readable file each; `-` is the standard output.

    A file that says something else is left as it is, and the command ends with 1.

    \b
    codetune prompts export prompts/
    codetune prompts export prompts/ explain-code security-review --label staging
    codetune prompts export - explain-code@2
    """  # noqa: D301 - the backspace is click's

    async def work(core: Core) -> ExitCode:
        if str(directory) == "-":
            return await _print(core, names)
        return _tell(
            await export_prompts(core.prompts, directory, names, label=label, overwrite=overwrite), format_name
        )

    with_core(work)


@click.command(short_help="Keep a directory and the library equal.")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@LABEL
@FORMAT
def sync(directory: Path, dry_run: bool, label: str, format_name: str) -> None:  # noqa: FBT001
    """Bring what changed in a directory of prompt files to the library, and the other way round.

    A file that changed since the last sync becomes a version and is deployed; a version that was deployed since is
    written to its file. What changed on both sides is shown and left as it is, on both, and the command ends with 1;
    so does what is gone on one side. With `--dry-run` it ends with 1 only for these. A directory that is
    not there is made.

    \b
    codetune prompts sync prompts/ --dry-run
    codetune prompts sync prompts/ --label staging
    """  # noqa: D301 - the backspace is click's

    async def work(core: Core) -> ExitCode:
        _ensure(directory, dry_run=dry_run)
        changes = await keep_equal(core.prompts, directory, by=who(), label=label, dry_run=dry_run)
        if format_name == "json":
            as_json.write_json({"dry_run": dry_run, "changes": [_change_json(change) for change in changes]})
        else:
            _tell_changes(changes, dry_run=dry_run)
        is_settled = all(change.kind in _SETTLED for change in changes)
        return ExitCode.CLEAN if is_settled else ExitCode.FINDINGS

    with_core(work)


def _ensure(directory: Path, *, dry_run: bool) -> None:
    """Make a directory that is not there, and say so; raises PromptError."""
    if directory.exists():
        return
    click.echo(f"notice: there is no {directory} yet: it {'would be' if dry_run else 'is'} made", err=True)
    if dry_run:
        return
    try:
        directory.mkdir(parents=True)
    except OSError as error:
        raise PromptError(f"{directory} cannot be made: {(error.strerror or str(error)).lower()}") from None


def _tell_changes(changes: Sequence[SyncChange], *, dry_run: bool) -> None:
    table = as_text.table("", "prompt", "file", "")
    differing = [change for change in changes if change.kind is not Kind.EQUAL]
    for change in differing:
        kind = change.kind.value.replace("_", " ")
        table.add_row(kind, visible(change.name), visible(change.path), visible(change.detail))
    if differing:
        as_text.console().print(table)
    for change in differing:
        if change.kind not in _SETTLED or dry_run:
            as_text.write_diff(change.diff)
    done = "would be brought over" if dry_run else "brought over"
    moved = sum(change.kind in {Kind.TO_LIBRARY, Kind.TO_DIRECTORY} for change in changes)
    click.echo(f"{len(changes) - len(differing)} equal, {moved} {done}, {len(differing) - moved} to settle", err=True)


async def _print(core: Core, names: Sequence[str]) -> ExitCode:
    if len(names) != 1:
        raise click.UsageError("on the standard output there is room for one prompt: name it")
    meant = reference(names[0])
    prompt = await core.prompts.show(meant.name)
    version = await standing_or_newest(core.prompts, meant)
    click.echo(write_prompt(prompt.draft, version.wording), nl=False, color=True)  # click takes escapes out else
    return ExitCode.CLEAN


def _tell(done: Sequence[Transfer], format_name: str) -> ExitCode:
    if format_name == "json":
        as_json.write_json({"prompts": [_transfer_json(each) for each in done]})
    else:
        table = as_text.table("prompt", "version", "", "file", right=("version",))
        for each in done:
            table.add_row(visible(each.name), str(each.version), each.outcome.value, visible(shown_path(each.path)))
        as_text.console().print(table)
        for each in done:
            for note in each.notes:
                click.echo(f"notice: {visible(shown_path(each.path))}: {visible(note)}", err=True)
    kept = any(each.outcome is Outcome.KEPT for each in done)
    return ExitCode.FINDINGS if kept else ExitCode.CLEAN


def _transfer_json(done: Transfer) -> dict[str, object]:
    return {
        "prompt": done.name,
        "version": done.version,
        "outcome": done.outcome.value,
        "path": shown_path(done.path),
        "notes": list(done.notes),
    }


def _change_json(change: SyncChange) -> dict[str, object]:
    return {
        "prompt": change.name,
        "path": change.path,
        "kind": change.kind.value,
        "detail": change.detail,
        "diff": change.diff,
    }
