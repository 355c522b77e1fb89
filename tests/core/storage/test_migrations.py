"""Migrations go up and down on both databases, with rows in the tables, and give what the code's tables say."""

import pytest
import rows
from sqlalchemy import inspect, text

from codetune_core.errors import MigrationFailed, SchemaMismatch, StorageError
from codetune_core.storage.backup import automatic_backups
from codetune_core.storage.database import Database
from codetune_core.storage.migrate import downgrade, drift, upgrade
from codetune_core.storage.revision import schema_state
from codetune_core.storage.schema import METADATA, TABLES, TRIGGERS
from codetune_core.storage.schema_state import migrations_folder
from codetune_core.storage.upkeep import problems
from codetune_core.storage.url import parse_url

REVISIONS = [f"{number:04}" for number in range(1, len(TABLES) + 1)]
BROKEN = """
revision = "9999"
down_revision = "{head}"
from alembic import op
import sqlalchemy as sa

def upgrade():
    op.create_table("half_made", sa.Column("id", sa.Integer(), primary_key=True))
    op.execute("UPDATE prompt_library SET description = 'changed'")
    op.execute("INSERT INTO half_made VALUES (1)")
    {last}

def downgrade():
    op.drop_table("half_made")
"""


@pytest.fixture
async def empty(empty_url):
    """A database of each kind in turn, with nothing in it."""
    async with Database(parse_url(empty_url)) as database:
        yield database


async def look(database, work):
    async with database.connection() as connection:
        return await connection.run_sync(work)


async def tables(database):
    return set(await look(database, lambda sync: inspect(sync).get_table_names())) & set(METADATA.tables)


async def count(database, table):
    async with database.read() as session:
        return (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()


def with_revision(tmp_path, last):
    """A folder of revisions with one more, which ends with ``last``."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    for source in [migrations_folder() / "env.py", *(migrations_folder() / "versions").glob("*.py")]:
        (folder / source.relative_to(migrations_folder())).write_text(source.read_text())
    (folder / "versions" / "9999_test.py").write_text(BROKEN.format(head=REVISIONS[-1], last=last))
    return folder


async def test_each_revision_makes_its_table_and_takes_it_away(empty):
    names = [table.__tablename__ for table in TABLES]
    for number, revision in enumerate(REVISIONS, 1):
        await upgrade(empty, revision, confirmed=True)
        assert await tables(empty) == set(names[:number])
    for number in reversed(range(len(REVISIONS))):
        await downgrade(empty, REVISIONS[number - 1] if number else "base", confirmed=True)
        assert await tables(empty) == set(names[:number])


@pytest.mark.parametrize("revision", REVISIONS)
async def test_each_revision_goes_down_and_up_again_with_rows_in_the_tables(database, revision):
    await rows.fill(database)
    target = f"{int(revision) - 1:04}" if revision != "0001" else "base"
    await downgrade(database, target, confirmed=True)
    kept = {table.__tablename__ for table in TABLES[: int(revision) - 1]}
    assert await tables(database) == kept
    assert {name: await count(database, name) > 0 for name in kept} == dict.fromkeys(kept, True)
    await upgrade(database, confirmed=True)
    assert await problems(database) == []


async def test_what_triggers_derive_is_derived_anew_when_its_table_is_made_again(database):
    await rows.fill(database)
    figures = "SELECT executions, generated, execution_time_ms, tokens FROM execution_daily WHERE kind = 'user'"
    statistics = "SELECT total_executions, successful_executions, avg_execution_time FROM prompt_library"

    async def derived():
        async with database.read() as session:
            return [tuple((await session.execute(text(query))).one()) for query in (figures, statistics)]

    before = await derived()
    await downgrade(database, "0004", confirmed=True)
    async with database.write() as session:
        await session.execute(text("UPDATE prompt_library SET total_executions = 99"))
    await upgrade(database, confirmed=True)
    assert await derived() == before == [(1, 1, 12.5, 7), (1, 1, 12.5)]


async def test_the_migrations_give_what_the_tables_say(database):
    assert await drift(database) == []


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE model_cache ADD COLUMN extra INTEGER",
        "DROP INDEX ix_model_cache_expires_at",
        "CREATE TABLE stranger (id INTEGER)",
        "DROP TABLE training_metric",
    ],
)
async def test_drift_is_seen(database, change):
    async with database.write() as session:
        await session.execute(text(change))
    assert await drift(database) != []


async def test_the_triggers_that_a_check_looks_for_are_those_there_are(database):
    dialect = database.url.dialect
    query = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    }[dialect]
    async with database.read() as session:
        assert set((await session.execute(text(query))).scalars()) == TRIGGERS[dialect]


@pytest.mark.parametrize("name", ["prompt_versions_kept", "prompt_deployments_unchanged", "execution_daily_insert"])
async def test_a_missing_trigger_is_seen(database, name):
    table = next((table for table in ("prompt_versions", "prompt_deployments") if table in name), "execution_history")
    on = f" ON {table}" if database.url.dialect == "postgresql" else ""
    async with database.write() as session:
        await session.execute(text(f"DROP TRIGGER {name}{on}"))
    assert await problems(database) == [f"the trigger {name} is missing"]


async def test_an_upgrade_of_what_is_new_does_nothing(database):
    done = await upgrade(database)
    assert done.before == done.after == REVISIONS[-1]
    assert done.backup is None


async def test_an_unknown_revision_is_refused(database):
    with pytest.raises(StorageError, match="nowhere is no revision that can be reached"):
        await upgrade(database, "nowhere")


async def test_a_database_of_a_newer_codetune_is_left_alone(database):
    async with database.write() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = 'future'"))
    assert (await schema_state(database)).relation == "newer"
    with pytest.raises(SchemaMismatch, match=r"schema future, which this CodeTune .* does not know: update CodeTune"):
        await upgrade(database, confirmed=True)


async def test_tables_of_another_program_are_left_alone(empty):
    async with empty.write() as session:
        await session.execute(text("CREATE TABLE prompt_library (id INTEGER)"))
    with pytest.raises(StorageError, match=r"tables that CodeTune did not make \(prompt_library\)"):
        await upgrade(empty)
    assert await tables(empty) == {"prompt_library"}


@pytest.mark.parametrize(
    "last",
    [
        "op.execute('SELECT * FROM nothing')",
        "raise RuntimeError('stop')",
        "op.execute('INSERT INTO half_made VALUES (1)')",
        "op.execute('DROP TABLE execution_history CASCADE; x')",
    ],
)
async def test_a_failed_migration_leaves_schema_and_data(database, tmp_path, last):
    await rows.fill(database)
    with pytest.raises(MigrationFailed, match="is as it was"):
        await upgrade(database, confirmed=True, folder=with_revision(tmp_path, last))
    async with database.read() as session:
        assert (await session.execute(text("SELECT description FROM prompt_library"))).scalar_one() == ""
    assert not await look(database, lambda sync: inspect(sync).has_table("half_made"))
    assert await problems(database) == []


async def test_sqlite_is_backed_up_before_its_schema_changes(sqlite_url, tmp_path):
    async with Database(parse_url(sqlite_url)) as database:
        await rows.fill(database)
        done = await upgrade(database, folder=with_revision(tmp_path, "pass"))
        assert automatic_backups(database.url.path) == [done.backup]
    async with Database(parse_url(f"sqlite:///{done.backup}")) as copy:
        assert (await schema_state(copy)).relation == "current"
        assert await count(copy, "execution_history") == 2


async def test_a_failed_migration_names_the_copy_that_was_made(sqlite_url, tmp_path):
    async with Database(parse_url(sqlite_url)) as database:
        with pytest.raises(MigrationFailed, match="a copy of it is ") as raised:
            await upgrade(database, folder=with_revision(tmp_path, "raise ValueError"))
        assert str(automatic_backups(database.url.path)[0]) in str(raised.value)


async def test_a_revision_that_orphans_rows_is_refused(sqlite_url, tmp_path):
    async with Database(parse_url(sqlite_url)) as database:
        await rows.fill(database)
        with pytest.raises(MigrationFailed, match=r"rows of .* point to rows of prompt_versions"):
            await upgrade(database, folder=with_revision(tmp_path, "op.execute('DROP TABLE prompt_versions')"))
        assert await problems(database) == []


async def test_foreign_keys_hold_again_after_a_migration(sqlite_url, tmp_path):
    async with Database(parse_url(sqlite_url)) as database:
        await upgrade(database, folder=with_revision(tmp_path, "pass"))
        async with database.read() as session:
            assert (await session.execute(text("PRAGMA foreign_keys"))).scalar_one() == 1


async def test_postgresql_is_changed_only_where_that_is_confirmed(postgresql_url, tmp_path):
    folder = with_revision(tmp_path, "pass")
    async with Database(parse_url(postgresql_url)) as database:
        with pytest.raises(SchemaMismatch, match=r"pg_dump .*then run: codetune db upgrade --yes"):
            await upgrade(database, folder=folder)
        assert (await upgrade(database, folder=folder, confirmed=True)).after == "9999"
