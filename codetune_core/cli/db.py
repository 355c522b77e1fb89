"""``codetune db``: the database's schema, its backups and its health."""

import functools
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codetune_core.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from codetune_core.storage.database import Database
    from codetune_core.storage.migrate import Migrated
    from codetune_core.storage.url import DatabaseUrl

_Work = Callable[..., Coroutine[Any, Any, ExitCode]]


@click.group(short_help="Upgrade, check, back up and restore the database.")
def db() -> None:
    """Upgrade, check, back up and restore the database of prompts, executions and cached answers.

    It is a SQLite file in your data folder, which CodeTune makes and upgrades by itself, or where the setting
    storage.database_url or the environment variable CODETUNE_DATABASE_URL says. A PostgreSQL database that holds a
    schema is upgraded only by `codetune db upgrade --yes`.

    \b
    codetune db current             which schema it has, and which this CodeTune needs
    codetune db check               whether it is whole
    codetune db backup today.db     copy it while it is used

    Every command ends with 0 where all is well, with 1 where `check` found something or `current` is not current, and
    with 2 where it could not be done.
    """  # noqa: D301 - the backspace is click's


def _command(**options: Any) -> Callable[[_Work], click.Command]:
    """Make a subcommand of a coroutine that gets the URL and the other options."""

    def make(work: _Work) -> click.Command:
        @functools.wraps(work)
        def callback(url: str, **values: Any) -> None:
            from codetune_core.cli.core import run, user_settings  # noqa: PLC0415 - `--help` does not wait for it
            from codetune_core.storage.url import configured_url, parse_url  # noqa: PLC0415

            async def go() -> ExitCode:
                found = parse_url(url) if url else configured_url(user_settings().storage.database_url)
                return await work(found, **values)

            run(go)

        name = work.__name__.rstrip("_")
        help_text = "Database to work on, instead of the configured one; a password is better kept in ~/.pgpass."
        return click.option("--url", default="", metavar="URL", help=help_text)(db.command(name, **options)(callback))

    return make


_YES = click.option("--yes", is_flag=True, help="PostgreSQL: it has been backed up, go on.")
_FORMAT = click.option(
    "--format", "format_name", type=click.Choice(("text", "json")), default="text", help="How to write it."
)


@_YES
@click.argument("revision", default="head")
@_command(short_help="Make the schema as new as this CodeTune, or as REVISION.")
async def upgrade(url: "DatabaseUrl", revision: str, *, yes: bool) -> ExitCode:
    """Make the schema as new as this CodeTune needs it, or as REVISION.

    SQLite: the database is first copied beside itself, and made where there is none. PostgreSQL: back it up yourself
    (the command is said), then give --yes. Other processes that start meanwhile wait. An upgrade that fails leaves
    schema and data as they were.
    """
    from codetune_core.storage.backup import make_file  # noqa: PLC0415
    from codetune_core.storage.migrate import upgrade as migrate  # noqa: PLC0415

    if url.path and not url.path.exists():
        make_file(url.path)
    async with _opened(url) as database:
        _say_migrated(await migrate(database, revision, confirmed=yes))
    return ExitCode.CLEAN


@_YES
@click.argument("revision")
@_command(short_help="Take the schema back to REVISION; what only newer ones hold is deleted.")
async def downgrade(url: "DatabaseUrl", revision: str, *, yes: bool) -> ExitCode:
    """Take the schema back to REVISION, `-1` for the one before, `base` for none.

    Tables and columns that only the newer revisions have are deleted with what they hold. SQLite: the database is
    first copied beside itself. PostgreSQL: back it up yourself, then give --yes. Write `codetune db downgrade -- -1`
    for a relative revision.
    """
    from codetune_core.storage.migrate import downgrade as migrate  # noqa: PLC0415

    async with _opened(url) as database:
        _say_migrated(await migrate(database, revision, confirmed=yes))
    return ExitCode.CLEAN


@_FORMAT
@_command(short_help="Say which schema the database has.")
async def current(url: "DatabaseUrl", *, format_name: str) -> ExitCode:
    """Say where the database is, which schema it has, and which one this CodeTune needs.

    Says also how many executions lie in the file that stands in for a PostgreSQL server out of reach. Ends with 1
    where the schema is not the one needed.
    """
    from codetune_core.storage.open import executions_in  # noqa: PLC0415
    from codetune_core.storage.revision import schema_state  # noqa: PLC0415
    from codetune_core.storage.url import fallback_url  # noqa: PLC0415

    async with _opened(url) as database:
        state = await schema_state(database)
    apart = executions_in(fallback_url())
    known = {"url": url.shown, "revision": state.revision, "head": state.head, "state": state.relation}
    lines = [f"{url.shown}: schema {state.revision or 'none'} ({state.relation}), needed {state.head}"]
    if apart:
        known["fallback"] = {"url": fallback_url().shown, "executions": apart}  # type: ignore[assignment]
        lines.append(f"{apart} executions lie apart, in {fallback_url().shown}")
    click.echo(json.dumps(known, indent=2) if format_name == "json" else "\n".join(lines))
    return ExitCode.CLEAN if state.relation == "current" else ExitCode.FINDINGS


@_FORMAT
@_command(short_help="Say whether the database is whole.")
async def check(url: "DatabaseUrl", *, format_name: str) -> ExitCode:
    """Check pages, keys and search index (SQLite), and that schema and triggers are what this CodeTune needs.

    Ends with 1 where something is wrong.
    """
    from codetune_core.storage.upkeep import problems  # noqa: PLC0415

    async with _opened(url) as database:
        found = await problems(database)
    text = "\n".join(found or [f"{url.shown} is whole"])
    click.echo(json.dumps({"url": url.shown, "problems": found}, indent=2) if format_name == "json" else text)
    return ExitCode.FINDINGS if found else ExitCode.CLEAN


@click.argument("file", required=False, type=click.Path(dir_okay=False, resolve_path=True, path_type=Path))
@_command(short_help="Copy the database to FILE, while it is used.")
async def backup(url: "DatabaseUrl", file: Path | None) -> ExitCode:
    """Copy the database as it is at this moment to FILE, while others use it.

    The copy holds everything that the history keeps, and outlives it: delete it when you no longer need it. For
    PostgreSQL, says the command that does it.
    """
    from codetune_core.errors import StorageError  # noqa: PLC0415
    from codetune_core.storage.backup import copy_database, dump_command  # noqa: PLC0415

    if url.path is None:
        raise StorageError(f"PostgreSQL's own program copies its databases: {dump_command(url)}")
    if file is None:
        raise StorageError("name the file to write: codetune db backup FILE")
    _must_exist(url)
    copy_database(url.path, file)
    click.echo(f"{url.shown} is copied to {file}")
    return ExitCode.CLEAN


@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, resolve_path=True, path_type=Path))
@_command(short_help="Put a copy, made by `backup`, in the place of the database.")
async def restore(url: "DatabaseUrl", file: Path | None) -> ExitCode:
    """Put FILE in the place of the database, after a check of all its pages.

    What stands there now is kept in a file beside it, whose name is said. A copy made by a newer CodeTune is refused;
    one by an older is upgraded when it is next used. For PostgreSQL, says the command that does it.
    """
    from codetune_core.errors import StorageError  # noqa: PLC0415
    from codetune_core.storage.backup import restore_command  # noqa: PLC0415
    from codetune_core.storage.upkeep import restore as put_back  # noqa: PLC0415

    if url.path is None:
        raise StorageError(f"PostgreSQL's own program restores its databases: {restore_command(url)}")
    if file is None:
        raise StorageError("name the copy to restore: codetune db restore FILE")
    aside = put_back(file, url.path)
    click.echo(f"{url.shown} is restored from {file}" + (f"; what stood there is kept in {aside}" if aside else ""))
    return ExitCode.CLEAN


@_command(short_help="Return the space of what was deleted.")
async def vacuum(url: "DatabaseUrl") -> ExitCode:
    """Return deleted rows' space to the system, merge the search index, and refresh the planner's statistics."""
    from codetune_core.storage.upkeep import vacuum as clean  # noqa: PLC0415

    async with _opened(url) as database:
        await clean(database)
    click.echo(f"{url.shown} is vacuumed")
    return ExitCode.CLEAN


@asynccontextmanager
async def _opened(url: "DatabaseUrl") -> AsyncIterator["Database"]:
    from codetune_core.cli.workspace import open_workspace  # noqa: PLC0415
    from codetune_core.storage.database import Database  # noqa: PLC0415

    _must_exist(url)
    async with Database(url, open_workspace([], {}).settings.storage.connect_seconds) as database:
        yield database


def _must_exist(url: "DatabaseUrl") -> None:
    from codetune_core.errors import StorageError  # noqa: PLC0415

    if url.path and not url.path.exists():
        raise StorageError(f"{url.shown} does not exist: `codetune db upgrade` makes it")


def _say_migrated(done: "Migrated") -> None:
    if done.before == done.after:
        click.echo(f"nothing to do: the schema is {done.after or 'none'}")
        return
    copy = f"; the database as it was is {done.backup}" if done.backup else ""
    click.echo(f"the schema went from {done.before or 'none'} to {done.after or 'none'}{copy}")
