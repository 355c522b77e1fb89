"""``codetune space export``: what the image is built from, for a machine of one's own."""

from pathlib import Path

import click

from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.space.hub import ended
from codetune_core.errors import SettingsError

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Write what the image is built from into a folder, for a machine of your own.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="Name under which the service is reached.")
@click.option("--config", type=_FILE, help="Its codetune.toml.")
@click.option("--wheel", type=_FILE, help="CodeTune's, instead of this checkout's or the published version.")
def export(folder: Path, hosts: tuple[str, ...], config: Path | None, wheel: Path | None) -> None:
    """Write Dockerfile, wheel and settings into the empty FOLDER, for `docker build` and `docker compose`.

    \b
    codetune space export build --host codetune.example.com
    docker build --tag codetune build
    """  # noqa: D301 - the backspace is click's

    def work() -> ExitCode:
        from codetune_core.cli.space.upload import assemble  # noqa: PLC0415 - `--help` does not wait for it

        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"{folder} cannot be made: {error}") from error
        if any(folder.iterdir()):
            raise SettingsError(f"{folder} is not empty: name a new folder")
        upload = assemble(folder, hosts=hosts, config=config, wheel=wheel)
        click.echo(f"{folder} holds the image of {upload.commit}: docker build --tag codetune {folder}")
        return ExitCode.CLEAN

    ended(work)
