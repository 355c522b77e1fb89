"""``codetune space wake``: start a Space that sleeps or was paused, and wait for it."""

import click

from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.space.hub import NAME, ended, meant, open_hub

_RESTARTED = {"PAUSED", "STOPPED", "RUNTIME_ERROR"}


@click.command(short_help="Start a Space that sleeps or was paused, and wait for it.")
@NAME
@click.option("--timeout", type=click.FloatRange(min=0), default=900, show_default=True, help="Seconds to wait.")
def wake(name: str, timeout: float) -> None:
    """Wake the Space OWNER/NAME, and wait until its service answers.

    One that sleeps is asked, which wakes it; one that was paused, or whose program failed, is started anew.
    """

    def work() -> ExitCode:
        from codetune_core.cli.space.reach import find_place  # noqa: PLC0415 - `--help` does not wait for it
        from codetune_core.cli.space.telling import stages  # noqa: PLC0415
        from codetune_core.cli.space.waiting import Wait  # noqa: PLC0415

        hub, space = open_hub(), meant(name)
        place = find_place(hub, space)
        if str(hub.get_space_runtime(space).stage) in _RESTARTED:
            hub.restart_space(space)
        with stages() as on_stage:
            Wait(hub, space, place, timeout, on_stage).until_awake()
        click.echo(f"{space} answers at {place.url}")
        return ExitCode.CLEAN

    ended(work)
