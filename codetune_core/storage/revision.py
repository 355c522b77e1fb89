"""How a database's schema stands to this CodeTune's, found out without Alembic, whose import takes long."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import DBAPIError

from codetune_core.errors import SchemaMismatch, StorageError
from codetune_core.storage.backup import dump_command
from codetune_core.storage.database import Database
from codetune_core.storage.schema_state import SchemaState, state_of


async def schema_state(database: Database, folder: Path | None = None) -> SchemaState:
    """Compare a database's revision with the newest that this CodeTune knows."""
    async with explained(database), database.connection() as connection:
        return state_of(await connection.run_sync(revision_of_schema), folder)


def revision_of_schema(connection: Connection) -> str | None:
    """Return a database's revision, as Alembic wrote it; None where it has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def newer(database: Database, state: SchemaState) -> SchemaMismatch:
    """Say that a database was made by a newer CodeTune."""
    return SchemaMismatch(
        f"{database.url.shown} has schema {state.revision}, which this CodeTune (schema {state.head}) does not know: "
        "update CodeTune, or go back with its newer version: codetune db downgrade"
    )


def unconfirmed(database: Database, state: SchemaState) -> SchemaMismatch:
    """Say how a PostgreSQL database is upgraded."""
    return SchemaMismatch(
        f"{database.url.shown} has schema {state.revision}; this CodeTune needs {state.head}. Back it up "
        f"({dump_command(database.url)}), then run: codetune db upgrade --yes"
    )


def unconfirmed_downgrade(database: Database, revision: str) -> SchemaMismatch:
    """Say how a PostgreSQL database is downgraded."""
    return SchemaMismatch(
        f"what only newer schemas hold would be deleted from {database.url.shown}. Back it up "
        f"({dump_command(database.url)}), then run: codetune db downgrade --yes -- {revision}"
    )


@asynccontextmanager
async def explained(database: Database) -> AsyncIterator[None]:
    """Turn what a driver raises into a StorageError that shows neither statements nor values."""
    try:
        yield
    except DBAPIError as error:
        raise StorageError(f"{database.url.shown}: {database.url.hide(str(error.orig))}") from None
