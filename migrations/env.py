"""How Alembic reaches the database: through the connection it is given, else where CODETUNE_DATABASE_URL says."""

import asyncio
import os

from alembic import context
from sqlalchemy import Connection

from codetune_core.storage.database import Database
from codetune_core.storage.schema import comparison
from codetune_core.storage.url import VARIABLE, parse_url


def migrate(connection: Connection) -> None:
    """Run the migrations that the command asked for, in the connection's transaction where it has begun one."""
    context.configure(connection=connection, transactional_ddl=True, **comparison(connection.dialect.name))
    with context.begin_transaction():
        context.run_migrations()


async def connect() -> None:
    """Serve the ``alembic`` program, with which a developer writes a new revision."""
    async with Database(parse_url(os.environ.get(VARIABLE, ""))) as database, database.engine.begin() as connection:
        await connection.run_sync(migrate)


given = context.config.attributes.get("connection")
if given is None:
    asyncio.run(connect())
else:
    migrate(given)
