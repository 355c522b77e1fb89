"""Opens the database that the settings name, with the schema that this CodeTune needs."""

import sqlite3
from contextlib import closing
from pathlib import Path

from codetune_core.domain.review import Notice
from codetune_core.errors import DatabaseUnreachable
from codetune_core.sections import StorageSettings
from codetune_core.storage.backup import expire_backups, make_file
from codetune_core.storage.database import Database
from codetune_core.storage.revision import newer, schema_state, unconfirmed
from codetune_core.storage.url import DatabaseUrl, configured_url, fallback_url

_BACKUP_DAYS = 30


async def open_database(
    settings: StorageSettings, backup_days: int = _BACKUP_DAYS
) -> tuple[Database, tuple[Notice, ...]]:
    """Open the database, and say what a person should know about it.

    A SQLite file is made and upgraded without being asked; copies that upgrades left beside it go after
    ``backup_days``. An empty PostgreSQL database is set up; an older one is not touched. Where its server cannot be
    reached, the fallback file is used only if the settings allow it.

    Raises DatabaseUnreachable, SchemaMismatch or another StorageError; each says what to do.
    """
    url = configured_url(settings.database_url)
    if url.path:
        return await _open(url, settings), _about_backups(url.path, backup_days)
    try:
        return await _open(url, settings), _about_fallback(url)
    except DatabaseUnreachable as error:
        if not settings.fall_back_to_sqlite:
            raise
        return await _open(fallback_url(), settings), (_fell_back(error),)


async def _open(url: DatabaseUrl, settings: StorageSettings) -> Database:
    if url.path and not url.path.exists():
        make_file(url.path)
    database = Database(url, settings.connect_seconds)
    try:
        await _make_ready(database)
    except BaseException:
        await database.aclose()
        raise
    return database


async def _make_ready(database: Database) -> None:
    state = await schema_state(database)
    if state.relation == "newer":
        raise newer(database, state)
    if state.relation == "older" and not database.url.path:
        raise unconfirmed(database, state)
    if state.relation != "current":
        from codetune_core.storage.migrate import upgrade  # noqa: PLC0415 - Alembic, only where there is work for it

        await upgrade(database)


def _about_backups(path: Path, days: int) -> tuple[Notice, ...]:
    gone = expire_backups(path, days)
    text = f"{len(gone)} copies that upgrades and restores left beside the database were over {days} days old: deleted"
    return (Notice("storage:backups", text),) if gone else ()


def _fell_back(error: DatabaseUnreachable) -> Notice:
    return Notice(
        "storage:fallback",
        f"{error}. Until then everything is recorded in {fallback_url().shown}, and the team's prompts and history "
        "are not seen; what is recorded there stays there",
    )


def _about_fallback(url: DatabaseUrl) -> tuple[Notice, ...]:
    """Say that rows lie in the fallback file: they belong to a database that is not this one."""
    rows = executions_in(fallback_url())
    text = (
        f"{rows} executions lie in {fallback_url().shown}, recorded while {url.shown} could not be reached; they are "
        f"not in it. To see them: CODETUNE_DATABASE_URL={fallback_url().shown} codetune history list"
    )
    return (Notice("storage:fallback-rows", text),) if rows else ()


def executions_in(url: DatabaseUrl) -> int:
    """Count the executions in a SQLite file, 0 where there is none."""
    if url.path is None or not url.path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"{url.path.as_uri()}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM execution_history").fetchone()[0])
    except sqlite3.Error:
        return 0
