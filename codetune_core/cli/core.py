"""Opens the core for a subcommand: settings, database, one coroutine, and errors that say what to do."""

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

import click

from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.workspace import open_workspace
from codetune_core.domain.review import Notice
from codetune_core.errors import CodeTuneError
from codetune_core.settings import Settings

if TYPE_CHECKING:
    from codetune_core.bootstrap.core import Core


def user_settings(**sections: Any) -> Settings:
    """Return what holds where the command runs, ``sections`` over all; mistakes are said on the standard error."""
    workspace = open_workspace([], {name: values for name, values in sections.items() if values})
    say(workspace.notices)
    return workspace.settings


def with_core(work: "Callable[[Core], Coroutine[Any, Any, ExitCode]]", **sections: Any) -> None:
    """Run ``work`` over an open core and end the program with its exit code.

    A CodeTuneError ends it with a message and ``ExitCode.USAGE``, Ctrl-C with "cancelled" and
    ``ExitCode.INTERRUPTED``, after the coroutine was cancelled and the core closed.
    """
    from codetune_core.bootstrap.core import open_core  # noqa: PLC0415 - `codetune models` does not wait for a database

    async def opened() -> ExitCode:
        async with open_core(user_settings(**sections)) as core:
            say(core.notices)
            return await work(core)

    run(opened)


def run(work: Callable[[], Coroutine[Any, Any, ExitCode]]) -> None:
    """Run a coroutine as ``with_core`` does, without a core."""
    try:
        code = asyncio.run(work())
    except CodeTuneError as error:
        from codetune_core.cli.formats.visible import visible_lines  # noqa: PLC0415 - where nothing fails, not needed

        click.echo(f"codetune: {visible_lines(str(error))}", err=True)  # it may quote a server
        code = ExitCode.USAGE
    except KeyboardInterrupt:
        click.echo("cancelled", err=True)
        code = ExitCode.INTERRUPTED
    sys.exit(code)


def say(notices: Iterable[Notice]) -> None:
    """Print notices on the standard error."""
    for notice in notices:
        click.echo(f"notice: {notice.text}", err=True)
