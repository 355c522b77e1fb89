"""The statements behind a question to the store, each with the plan that the database has for it."""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import event

from codetune_core.storage.database import Database


async def plans(database: Database, ask: Callable[[], Awaitable[object]]) -> list[tuple[str, str]]:
    """Statement and plan of each query that a question asks, in their order."""
    seen: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        if statement.startswith(("SELECT", "WITH")):
            seen.append((statement, parameters))

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        await ask()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return await _explained(database, seen)


async def _explained(database: Database, seen: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    sqlite = database.url.dialect == "sqlite"
    explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN (COSTS OFF) "
    found = []
    async with database.connection() as connection:
        for statement, parameters in seen:
            if "set_config" in statement:  # it changes the plans that follow, as it does when the question is asked
                await connection.exec_driver_sql(statement, parameters)
            else:
                lines = (await connection.exec_driver_sql(explain + statement, parameters)).all()
                found.append((statement, "\n".join(str(line[3 if sqlite else 0]) for line in lines)))
    return found
