"""Fifty writers at once: nothing is lost, and what is counted is right."""

import asyncio

import pytest
import rows
from processes import await_line, end, start_at_once, tell
from sqlalchemy import text

WRITERS = 50
EACH = 4
WRITE = """
import asyncio, sys
sys.path.insert(0, "tests/support")
import rows
from codetune_core.storage.database import Database
from codetune_core.storage.tables.prompts import PromptVersionRow
from codetune_core.storage.url import parse_url
from sqlalchemy import select

async def main():
    async with Database(parse_url(sys.argv[1])) as database:
        async with database.read() as session:
            version = (await session.execute(select(PromptVersionRow))).scalar_one()
        await asyncio.gather(*(write(database, version) for _ in range(10)))
        print("done")

async def write(database, version):
    for _ in range(4):
        await rows.add(database, rows.execution(version))
"""


async def counted(database):
    async with database.read() as session:
        queries = (
            "SELECT count(*) FROM execution_history WHERE prompt_id IS NOT NULL",
            "SELECT total_executions FROM prompt_library",
            "SELECT successful_executions FROM prompt_library",
            "SELECT sum(executions) FROM execution_daily WHERE tokens > 0 AND kind = 'user'",
        )
        return [(await session.execute(text(query))).scalar_one() for query in queries]


async def prepare(database):
    owner = rows.prompt()
    version = rows.version(owner)
    await rows.add(database, owner, version)
    return version


async def test_fifty_writers_in_one_process_lose_nothing(database):
    version = await prepare(database)

    async def write(number):
        for part in range(EACH):
            await rows.add(database, rows.execution(version, session_id=f"{number}.{part}"))

    await asyncio.gather(*(write(number) for number in range(WRITERS)))
    assert await counted(database) == [WRITERS * EACH] * 4


@pytest.mark.slow
async def test_fifty_writers_in_five_processes_lose_nothing(database, database_url):
    await prepare(database)
    children = start_at_once(5, WRITE, database_url)
    assert await_line(children) == "ready"
    tell(children)
    assert [await_line(children) for _ in range(5)] == ["done"] * 5
    assert end(children) == 0
    assert await counted(database) == [WRITERS * EACH] * 4
