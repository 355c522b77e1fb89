"""``codetune trust``: which workspaces may name commands that CodeTune runs, and whom it asks."""

import sys
from pathlib import Path

import click

from codetune_core.cli.exit_codes import ExitCode
from codetune_core.errors import SettingsError


@click.command(short_help="Let a workspace name commands to run.")
@click.argument("directory", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--remove", is_flag=True, help="Trust it no more.")
@click.option("--list", "show", is_flag=True, help="Show what is trusted, and change nothing.")
def trust(directory: Path | None, remove: bool, show: bool) -> None:  # noqa: FBT001
    """Let a workspace name commands to run; without DIRECTORY, the workspace around the working directory.

    Settings that come with code can declare detectors of their own (`detectors.sarif`), which are commands, and say
    where your code is sent (`engine`), and the files in `.codetune/plugins` are programs. All of it counts only once
    you have read it and trust the workspace. What is below a trusted directory is trusted too.

    \b
    codetune trust               this workspace
    codetune trust ~/code/shop   another one
    codetune trust --list        what is trusted
    codetune trust --remove      trust this workspace no more

    In continuous integration, set CODETUNE_TRUST_WORKSPACE=1 instead.
    """  # noqa: D301 - the backspace is click's
    try:
        if show:
            _show()
        else:
            _change(directory, trusted=not remove)
    except SettingsError as error:
        click.echo(f"codetune: {error}", err=True)
        sys.exit(ExitCode.USAGE)


def _show() -> None:
    from codetune_core.workspace.trust import trust_file, trusted_workspaces  # noqa: PLC0415 - see `_change`

    for folder in trusted_workspaces():
        click.echo(folder)
    if not trusted_workspaces():
        click.echo(f"no workspace is trusted ({trust_file()})", err=True)


def _change(directory: Path | None, *, trusted: bool) -> None:
    from codetune_core.workspace.root import workspace_root  # noqa: PLC0415 - `codetune --help` does not wait for it
    from codetune_core.workspace.trust import set_trust  # noqa: PLC0415

    folder = directory or workspace_root([Path()])
    changed = set_trust(folder, trusted=trusted)
    state = "trusted" if trusted else "not trusted"
    click.echo(f"{folder.resolve()} is {'now' if changed else 'already'} {state}")
