"""``codetune daemon``: the process that editors and terminals share."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

_FORMAT = click.option(
    "--format", "format_name", type=click.Choice(["text", "json"]), default="text", help="For people, or for scripts."
)


@click.group(short_help="The process that editors and terminals share.")
def daemon() -> None:
    """Look after the daemon: the process of yours that runs prompts for all your editors and terminals.

    They start it when they first need it, and it ends when nobody needed it for daemon.idle_seconds. Models run in
    processes of their own, which end earlier (models.keep_loaded_seconds). With daemon.enabled = false in your settings
    every program runs prompts itself.
    """


@daemon.command(short_help="Whether it runs, and which one.")
@_FORMAT
def status(format_name: str) -> None:
    """Say whether the daemon runs, which one it is, and whether it does for this terminal; 1 where none runs."""
    from codetune_core.cli.exit_codes import ExitCode  # noqa: PLC0415 - `--help` needs none of these

    with _in_words():
        runs = _show(format_name)
    sys.exit(ExitCode.CLEAN if runs else ExitCode.FINDINGS)


@daemon.command(short_help="Start it, where it does not run.")
@_FORMAT
def start(format_name: str) -> None:
    """Start the daemon where none runs, or the one that runs no longer fits, and say which one runs.

    What needs it starts it by itself. This is for a model server that was just started: the daemon looks for one on its
    usual port, and editors offer prompts once it has found it.
    """
    import asyncio  # noqa: PLC0415 - as above

    from codetune_core.daemon.ensure import ensure  # noqa: PLC0415
    from codetune_core.daemon.own import own_settings, why_without_daemon  # noqa: PLC0415
    from codetune_core.errors import DaemonError  # noqa: PLC0415

    with _in_words():
        if why_not := why_without_daemon(own_settings().settings):
            raise DaemonError(why_not)
        asyncio.run(ensure(lambda text: click.echo(f"notice: {text}", err=True)))
        _show(format_name)


@daemon.command(short_help="End it.")
@click.option("--now", "at_once", is_flag=True, help="Do not wait for what runs.")
@_FORMAT
def stop(format_name: str, *, at_once: bool) -> None:
    """End the daemon: it takes nothing new, and what runs may finish within serve.drain_seconds.

    Models that are loaded stay so for those who come next; codetune models unload --all ends them.
    """
    from codetune_core.daemon.control import stop as stop_daemon  # noqa: PLC0415 - as above
    from codetune_core.daemon.own import own_settings  # noqa: PLC0415
    from codetune_core.daemon.place import daemon_files  # noqa: PLC0415

    with _in_words():
        pid = stop_daemon(daemon_files(), own_settings().settings.serve.drain_seconds, at_once=at_once)
        if format_name == "json":
            click.echo(json.dumps({"stopped": pid}))
        else:
            click.echo("no daemon runs" if pid is None else f"stopped process {pid}")


@daemon.command(short_help="What it wrote.")
@click.option("-n", "--lines", type=click.IntRange(0), default=50, show_default=True, help="So many from the end.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what it writes, until Ctrl-C.")
@_FORMAT
def logs(lines: int, format_name: str, *, follow: bool) -> None:
    """Print the end of the daemon's log; with --format json, each line as it stands there."""
    from codetune_core.cli.exit_codes import ExitCode  # noqa: PLC0415 - `--help` needs none of these
    from codetune_core.cli.formats.visible import visible  # noqa: PLC0415
    from codetune_core.cli.log_lines import readable  # noqa: PLC0415
    from codetune_core.daemon.follow import lines_of  # noqa: PLC0415
    from codetune_core.daemon.place import daemon_files  # noqa: PLC0415

    shown = readable if format_name == "text" else str
    try:
        with _in_words():
            for line in lines_of(daemon_files().log, lines, follow=follow):
                click.echo(visible(shown(line.rstrip("\n"))))
    except KeyboardInterrupt:
        if sys.stdout.isatty():  # it shows ^C
            click.echo()
        sys.exit(ExitCode.INTERRUPTED)


def _show(format_name: str) -> bool:
    """Say how the daemon is; True where one runs."""
    from codetune_core.cli.daemon_state import as_json, as_text  # noqa: PLC0415 - as above
    from codetune_core.daemon.control import state  # noqa: PLC0415
    from codetune_core.daemon.own import own_identity, own_settings  # noqa: PLC0415
    from codetune_core.daemon.place import daemon_files  # noqa: PLC0415

    files = daemon_files()
    found, ours = state(files), own_identity(own_settings().settings)
    if format_name == "json":
        click.echo(json.dumps(as_json(files, found, ours), indent=2))
    else:
        click.echo(as_text(files, found, ours))
    return found.pid is not None


@contextmanager
def _in_words() -> Iterator[None]:
    """Say what a CodeTuneError says, and end."""
    from codetune_core.cli.exit_codes import ExitCode  # noqa: PLC0415
    from codetune_core.errors import CodeTuneError  # noqa: PLC0415

    try:
        yield
    except CodeTuneError as error:
        click.echo(f"codetune: {error}", err=True)
        sys.exit(ExitCode.USAGE)
