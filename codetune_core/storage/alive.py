"""Whether a database answers."""

from sqlalchemy import select

from codetune_core.storage.database import Database


async def check_alive(database: Database) -> None:
    """Ask it for nothing; raises StorageError where it does not answer."""
    async with database.read() as session:
        await session.execute(select(1))
