"""Looks a database over, returns the space of what was deleted, and restores a copy."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from codetune_core.errors import SchemaMismatch
from codetune_core.storage.backup import restore_database, revision_of
from codetune_core.storage.database import Database
from codetune_core.storage.migrate import drift
from codetune_core.storage.revision import explained, schema_state
from codetune_core.storage.schema import METADATA, TRIGGERS
from codetune_core.storage.schema_state import state_of

_TRIGGERS = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'",
}


async def problems(database: Database) -> list[str]:
    """Return what is wrong with a database: its pages, keys, search index, schema or triggers; empty for nothing."""
    async with explained(database), database.connection() as connection:
        found = await connection.run_sync(_damage)
    state = await schema_state(database)
    if state.relation != "current":
        return [*found, f"the schema is {state.revision or 'missing'}, and this CodeTune's is {state.head}"]
    found += [f"the schema differs: {difference}" for difference in await drift(database)]
    async with explained(database), database.connection() as connection:
        return found + await connection.run_sync(_missing_triggers)


def _damage(connection: Connection) -> list[str]:
    if connection.dialect.name != "sqlite":
        return []
    found = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check") if row[0] != "ok"]
    keys = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    found += [f"row {row[1]} of {row[0]} points to a row of {row[2]} that is not there" for row in keys]
    return found + _search_damage(connection)


def _search_damage(connection: Connection) -> list[str]:
    there = text("SELECT count(*) FROM sqlite_master WHERE name = 'execution_search'")
    try:
        if connection.execute(there).scalar():
            connection.exec_driver_sql("INSERT INTO execution_search (execution_search) VALUES ('integrity-check')")
    except DBAPIError as error:
        return [f"the search index is damaged: {error.orig}"]
    return []


def _missing_triggers(connection: Connection) -> list[str]:
    dialect = connection.dialect.name
    there = set(connection.execute(text(_TRIGGERS[dialect])).scalars())
    return [f"the trigger {name} is missing" for name in sorted(TRIGGERS[dialect] - there)]


async def vacuum(database: Database) -> None:
    """Return deleted rows' space to the system, and refresh what the planner knows; needs no pause of others.

    On SQLite the search index is merged and the write-ahead log is emptied as well.
    """
    async with explained(database), database.connection() as connection:
        if database.url.dialect == "sqlite":
            driver: Any = (await connection.get_raw_connection()).driver_connection
            for statement in (
                "INSERT INTO execution_search (execution_search) VALUES ('optimize')",
                "VACUUM",
                "PRAGMA optimize",
                "PRAGMA wal_checkpoint(TRUNCATE)",
            ):
                await (await driver.execute(statement)).close()
            return
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        there = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
        for table in sorted(there & {*METADATA.tables, "execution_search"}):
            await connection.exec_driver_sql(f"VACUUM (ANALYZE) {table}")


def restore(backup: Path, path: Path) -> Path | None:
    """Put a copy in the place of a SQLite database, and return where that one is kept.

    Raises StorageError for a copy that is damaged or no CodeTune database, and SchemaMismatch for one made by a newer
    CodeTune; nothing has changed then.
    """
    revision = revision_of(backup)
    if state_of(revision).relation in {"newer", "empty"}:
        raise SchemaMismatch(f"{backup} has schema {revision}, which this CodeTune does not know: update CodeTune")
    return restore_database(backup, path)
