"""A glance at a database, which changes nothing in it and waits for no SQLAlchemy: what schema it has."""

import sqlite3
from contextlib import closing
from pathlib import Path

from codetune_core.errors import StorageError
from codetune_core.storage.postgresql_url import ServerUrl
from codetune_core.storage.schema_state import SchemaState, state_of
from codetune_core.storage.url import DatabaseUrl

_REVISION = "SELECT version_num FROM alembic_version"


async def glance(url: DatabaseUrl, seconds: float) -> SchemaState | None:
    """Return which schema a database has, None where its file does not exist; a server is tried for ``seconds``.

    Raises StorageError, which says why it cannot be opened.
    """
    if url.server:
        return state_of(await _on_server(url.server, seconds))
    if url.path is None or not url.path.exists():
        return None
    return state_of(_in_file(url.path))


def _in_file(path: Path) -> str | None:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            named = "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
            if not connection.execute(named).fetchone()[0]:
                return None
            row = connection.execute(_REVISION).fetchone()
    except sqlite3.Error as error:
        raise StorageError(f"{path} cannot be opened: {error}") from None
    return str(row[0]) if row else None


async def _on_server(server: ServerUrl, seconds: float) -> str | None:
    import asyncpg  # noqa: PLC0415 - only where a server is asked

    from codetune_core.storage.connect import connect  # noqa: PLC0415

    connection = await connect(server, seconds)
    try:
        revision: str | None = await connection.fetchval(_REVISION)
    except asyncpg.UndefinedTableError:
        return None
    except asyncpg.PostgresError as error:
        raise StorageError(f"{server.shown}: {server.hide(str(error))}") from None
    finally:
        await connection.close()
    return revision
