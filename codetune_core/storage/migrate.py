"""Brings the schema of a database to a revision."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from codetune_core.storage.database import Database


def migrations_folder() -> Path:
    """Return the folder of the revisions: in the wheel beside this module, in a checkout at its top."""
    packaged = Path(__file__).parent / "migrations"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "migrations"


async def upgrade(database: Database, revision: str = "head") -> None:
    """Make the schema as new as a revision."""
    await _run(database, lambda config: command.upgrade(config, revision))


async def downgrade(database: Database, revision: str) -> None:
    """Take the schema back to a revision; ``base`` for nothing."""
    await _run(database, lambda config: command.downgrade(config, revision))


async def _run(database: Database, action: Callable[[Config], None]) -> None:
    def migrate(connection: Connection) -> None:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
        action(config)

    async with database.engine.begin() as connection:
        await connection.run_sync(migrate)
