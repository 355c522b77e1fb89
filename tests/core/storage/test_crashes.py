"""Processes that start at once, and processes killed in the middle: nothing lost, nothing half made."""

import asyncio
import random

import pytest
import rows
from processes import await_line, end, kill, start, start_at_once, tell
from sqlalchemy import inspect, text

from codetune_core.storage.database import Database
from codetune_core.storage.migrate import upgrade
from codetune_core.storage.revision import schema_state
from codetune_core.storage.schema_state import migrations_folder
from codetune_core.storage.upkeep import problems
from codetune_core.storage.url import parse_url

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

OPEN = """
import asyncio, sys
import alembic.command
from codetune_core.sections import StorageSettings
from codetune_core.storage.open import open_database
from codetune_core.storage.revision import schema_state

async def main():
    database, _ = await open_database(StorageSettings(database_url=sys.argv[1]))
    async with database:
        print((await schema_state(database)).relation)
"""
MIGRATE = """
import asyncio, pathlib, sys
from codetune_core.storage.database import Database
from codetune_core.storage.migrate import upgrade
from codetune_core.storage.url import parse_url

async def main():
    async with Database(parse_url(sys.argv[1])) as database:
        print("ready")
        sys.stdin.readline()
        await upgrade(database, confirmed=True, folder=pathlib.Path(sys.argv[2]) if sys.argv[2] else None)
        print("done")

asyncio.run(main())
"""
WRITE = """
import asyncio, sys
sys.path.insert(0, "tests/support")
import rows
from codetune_core.storage.database import Database
from codetune_core.storage.url import parse_url

async def main():
    async with Database(parse_url(sys.argv[1])) as database:
        print("ready")
        sys.stdin.readline()
        for number in range(1_000_000):
            async with database.write() as session:
                for part in range(4):
                    session.add(rows.execution(session_id=str(number), user_id=str(part)))
                    await session.flush()
            print(number)

asyncio.run(main())
"""
STEPS = 4
WAITING = """
revision = "9999"
down_revision = "{head}"
import sys
from alembic import op

def pause(step):
    print(f"step {{step}}")
    sys.stdin.readline()

def upgrade():
    pause(0)
    op.execute("CREATE TABLE half_made (id INTEGER PRIMARY KEY)")
    pause(1)
    op.execute("UPDATE prompt_library SET description = 'changed'")
    pause(2)
    op.execute("ALTER TABLE model_cache ADD COLUMN extra INTEGER")
    pause(3)

def downgrade():
    pass
"""


@pytest.fixture
def waiting_revision(tmp_path):
    """A folder of revisions with one more, which says each step and waits to be told to go on."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    for source in [migrations_folder() / "env.py", *(migrations_folder() / "versions").glob("*.py")]:
        (folder / source.relative_to(migrations_folder())).write_text(source.read_text())
    head = max(path.name for path in (migrations_folder() / "versions").glob("*.py"))[:4]
    (folder / "versions" / "9999_waiting.py").write_text(WAITING.format(head=head))
    return folder


async def is_whole(url):
    async with Database(parse_url(url)) as database:
        assert await problems(database) == []


async def test_ten_processes_that_start_at_once_make_one_schema(empty_url):
    children = start_at_once(10, OPEN, empty_url)
    assert await_line(children) == "ready"
    tell(children)
    assert [await_line(children) for _ in range(10)] == ["current"] * 10
    assert end(children) == 0
    await is_whole(empty_url)


async def test_a_process_waits_for_the_migration_of_another_and_finds_it_done(database_url, waiting_revision):
    first, second = (start(MIGRATE, database_url, str(waiting_revision)) for _ in range(2))
    for child in (first, second):
        assert await_line(child) == "ready"
    tell(first)
    assert await_line(first) == "step 0"
    tell(second)
    for _ in range(STEPS):
        tell(first)
    assert [await_line(first) for _ in range(STEPS)] == ["step 1", "step 2", "step 3", "done"]
    assert await_line(second) == "done"
    assert [end(first), end(second)] == [0, 0]


@pytest.mark.parametrize("step", [1, 3])
async def test_a_process_killed_in_the_middle_of_a_migration_leaves_schema_and_data(
    database_url, waiting_revision, step
):
    async with Database(parse_url(database_url)) as database:
        await rows.fill(database)
    child = start(MIGRATE, database_url, str(waiting_revision))
    assert await_line(child) == "ready"
    for _ in range(step + 1):
        tell(child)
        reached = await_line(child)
    assert reached == f"step {step}"
    kill(child)
    await is_as_it_was(database_url)
    await goes_on(database_url, waiting_revision)


async def is_as_it_was(url):
    await is_whole(url)
    async with Database(parse_url(url)) as database:
        async with database.read() as session:
            assert (await session.execute(text("SELECT description FROM prompt_library"))).scalar_one() == ""
        async with database.connection() as connection:
            assert not await connection.run_sync(lambda sync: inspect(sync).has_table("half_made"))


async def goes_on(url, folder):
    """The next process does the whole of it."""
    child = start(MIGRATE, url, str(folder))
    assert await_line(child) == "ready"
    for _ in range(STEPS + 1):
        tell(child)
    assert [await_line(child) for _ in range(STEPS + 1)] == [*(f"step {step}" for step in range(STEPS)), "done"]
    assert end(child) == 0
    async with Database(parse_url(url)) as database:
        assert (await schema_state(database, folder)).relation == "current"


@pytest.mark.parametrize("seed", range(2))
async def test_a_process_killed_at_any_moment_of_the_first_set_up_leaves_all_or_nothing(empty_url, seed):
    child = start(MIGRATE, empty_url, "")
    assert await_line(child) == "ready"
    tell(child)
    await asyncio.sleep(random.Random(seed).uniform(0, 0.4))  # any moment will do: what is checked holds at each
    kill(child)
    async with Database(parse_url(empty_url)) as database:
        assert (await schema_state(database)).relation in {"empty", "current"}
        await upgrade(database)
    await is_whole(empty_url)


async def test_a_process_killed_while_it_writes_leaves_whole_transactions_and_loses_none(database_url):
    child = start(WRITE, database_url)
    assert await_line(child) == "ready"
    tell(child)
    said = [await_line(child) for _ in range(10)][-1]
    kill(child)
    await is_whole(database_url)
    async with Database(parse_url(database_url)) as database, database.read() as session:
        query = "SELECT session_id, count(*) FROM execution_history GROUP BY session_id"
        found = {int(number): parts for number, parts in (await session.execute(text(query))).all()}
        daily = (
            await session.execute(text("SELECT sum(executions) FROM execution_daily WHERE kind = 'user'"))
        ).scalar_one()
    assert set(found.values()) == {4}
    assert set(range(int(said) + 1)) <= set(found)
    assert set(found) == set(range(len(found)))
    assert daily == 4 * len(found)
