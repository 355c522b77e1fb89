"""What the database itself refuses, whoever asks: changed versions, a rewritten ledger, rows that cannot be true."""

import datetime as dt
import shutil
import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest
import rows
from sqlalchemy import bindparam, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from codetune_core.domain.identifiers import new_id
from codetune_core.storage.database import Database
from codetune_core.storage.tables.history import ExecutionRow
from codetune_core.storage.tables.prompts import DeploymentRow, PromptRow, PromptVersionRow
from codetune_core.storage.url import parse_url

MAY_CHANGE = {"test_executions", "test_success_rate", "test_avg_execution_time", "is_deployed", "deployed_at"}
WRITTEN_ONCE = [column.name for column in PromptVersionRow.__table__.columns if column.name not in MAY_CHANGE]
LEDGER = [column.name for column in DeploymentRow.__table__.columns]


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def shared_url(request, tmp_path_factory):
    """URL of a database of each kind in turn that the tests of this module share."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("shared") / "codetune.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server = request.getfixturevalue("postgresql")
    url = server.create(request.getfixturevalue("postgresql_template"))
    yield url
    server.drop(url)


@pytest.fixture
async def shared(shared_url):
    """The database that the tests of this module share."""
    async with Database(parse_url(shared_url)) as database:
        yield database


async def run(database, statement, **values):
    async with database.write() as session:
        return await session.execute(text(statement), values)


async def one(database, statement, **values):
    async with database.read() as session:
        return (await session.execute(text(statement), values)).scalar_one()


async def kept(database, row, column):
    await rows.add(database, row)
    async with database.read() as session:
        return (await session.execute(select(column).where(ExecutionRow.id == row.id))).scalar_one()


async def refused(database, statement, match="", **values):
    with pytest.raises(DBAPIError, match=match):
        await run(database, statement, **values)


async def test_no_column_of_what_a_version_says_can_be_changed(database):
    await rows.fill(database)
    for column in WRITTEN_ONCE:
        await refused(database, f"UPDATE prompt_versions SET {column} = {column}", "a prompt version never changes")


async def test_what_happens_to_a_version_can_be_recorded(database):
    await rows.fill(database)
    for column in MAY_CHANGE:
        assert (await run(database, f"UPDATE prompt_versions SET {column} = {column}")).rowcount == 1


async def test_a_version_cannot_be_deleted_while_its_prompt_is_there(database):
    await rows.fill(database)
    await refused(database, "DELETE FROM prompt_versions", "a prompt version never changes")


async def test_no_entry_of_the_ledger_can_be_changed(database):
    await rows.fill(database)
    for column in LEDGER:
        value = "DEFAULT" if column == "id" and database.url.dialect == "postgresql" else column
        change = f"UPDATE prompt_deployments SET {column} = {value}"
        await refused(database, change, "the ledger of deployments only grows")


async def test_no_entry_of_the_ledger_can_be_deleted(database):
    await rows.fill(database)
    await refused(database, "DELETE FROM prompt_deployments", "the ledger of deployments only grows")


@pytest.mark.postgresql
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_truncating_is_refused_too(database):
    await rows.fill(database)
    for table in ("prompt_versions", "prompt_deployments", "prompt_library"):
        await refused(database, f"TRUNCATE {table} CASCADE", r"never changes|only grows")


@pytest.mark.parametrize("table", ["prompt_versions", "prompt_deployments"])
def test_another_program_cannot_replace_a_row_of_a_sqlite_file(sqlite_url, table):
    """As a plain connection of Python's: without the settings of ours."""
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        insert_plain(connection)
        before = connection.execute(f"SELECT * FROM {table}").fetchall()
        names = ", ".join(column[1] for column in connection.execute(f"PRAGMA table_info({table})"))
        with pytest.raises(sqlite3.IntegrityError, match=r"never changes|only grows"):
            connection.execute(f"INSERT OR REPLACE INTO {table} ({names}) SELECT {names} FROM {table}")
        assert connection.execute(f"SELECT * FROM {table}").fetchall() == before


def insert_plain(connection):
    prompt = {
        "id": "a", "name": "n", "description": "", "category": "other", "use_case": "", "tags": "[]",
        "created_at": "2026", "created_by": "", "is_active": 1, "system_prompt": "", "user_prompt_template": "",
        "few_shot_examples": "[]",
    }  # fmt: skip
    version = {
        "id": "b", "prompt_id": "a", "version_number": 1, "system_prompt": "", "user_prompt_template": "u",
        "few_shot_examples": "[]", "variables": "[]", "temperature": 0, "max_tokens": 1, "decoding": "{}",
        "created_at": "2026", "created_by": "", "change_notes": "", "content_hash": "h", "is_deployed": 0,
    }  # fmt: skip
    deployment = {
        "prompt_id": "a", "version_id": "b", "label": "production", "action": "deploy", "deployed_at": "2026",
        "deployed_by": "", "reason": "",
    }  # fmt: skip
    for table, row in (("prompt_library", prompt), ("prompt_versions", version), ("prompt_deployments", deployment)):
        values = ", ".join(f":{name}" for name in row)
        connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})", row)


async def test_purging_a_prompt_takes_versions_and_ledger_and_leaves_its_history(database):
    owner, _ = await rows.fill(database)
    await run(database, "UPDATE prompt_library SET current_version_id = (SELECT id FROM prompt_versions)")
    async with database.write() as session:
        await session.delete(await session.get(PromptRow, owner.id))
    for table in ("prompt_library", "prompt_versions", "prompt_deployments"):
        assert await one(database, f"SELECT count(*) FROM {table}") == 0
    async with database.read() as session:
        history = (await session.execute(select(ExecutionRow))).scalars().all()
    assert [(row.prompt_id, row.version_id, row.output_data) for row in history] == [(None, None, "fine")] * 2


async def test_a_version_of_another_prompt_is_impossible(database):
    mine, other = rows.prompt(), rows.prompt()
    version = rows.version(other)
    await rows.add(database, mine, other, version)
    with pytest.raises(IntegrityError):
        await rows.add(database, rows.execution(version, prompt_id=mine.id))
    with pytest.raises(IntegrityError):
        await rows.add(database, rows.deployment(version, prompt_id=mine.id))


@pytest.mark.parametrize(
    "wrong",
    [
        *({"user_feedback": rating} for rating in (0, 6, -1, 100)),
        *({"outcome": outcome} for outcome in ("liked", "", "Accepted")),
        *({missing: new_id()} for missing in ("prompt_id", "version_id")),
        *({missing: None} for missing in ("executed_at", "task", "keep")),
    ],
    ids=lambda wrong: next(iter(wrong)),
)
async def test_an_execution_that_cannot_be_is_refused(shared, wrong):
    with pytest.raises(IntegrityError):
        await rows.add(shared, rows.execution(**wrong))


@pytest.mark.parametrize("rating", [None, 1, 2, 3, 4, 5])
async def test_a_rating_from_one_to_five_is_kept(shared, rating):
    row = rows.execution(user_feedback=rating)
    assert await kept(shared, row, ExecutionRow.user_feedback) == rating


@pytest.mark.parametrize(
    "values",
    [{"category": "poetry"}, {"name": "n" * 201}, {"use_case": "u" * 101}, {"created_by": "c" * 101}, {"name": None}],
    ids=lambda values: next(iter(values)),
)
async def test_a_prompt_that_breaks_a_limit_is_refused_on_both_databases(shared, values):
    with pytest.raises(DBAPIError):
        await rows.add(shared, rows.prompt(**values))


async def test_two_active_prompts_cannot_share_a_name_but_archived_ones_can(database):
    await rows.add(database, *(rows.prompt(name="n", is_active=active) for active in (True, False, False)))
    with pytest.raises(IntegrityError):
        await rows.add(database, rows.prompt(name="n"))


@pytest.mark.parametrize("same", ["version_number", "content_hash"])
async def test_a_number_and_a_content_exist_once_for_each_prompt(database, same):
    owner, first = await rows.fill(database)
    second = rows.version(owner, 2)
    setattr(second, same, getattr(first, same))
    with pytest.raises(IntegrityError):
        await rows.add(database, second)


async def test_a_key_of_the_cache_exists_once_and_no_part_of_it_is_null(database):
    await rows.add(database, rows.cached(), rows.cached(sample_index=1))
    with pytest.raises(IntegrityError):
        await rows.add(database, rows.cached())
    for part in ("model_name", "model_revision", "prompt_hash", "parameters_hash", "sample_index"):
        with pytest.raises(IntegrityError):
            await rows.add(database, rows.cached(**{part: None}))


async def test_an_execution_id_exists_once(database):
    twice = new_id()
    await rows.add(database, rows.execution(id=twice))
    with pytest.raises(IntegrityError):
        await rows.add(database, rows.execution(id=twice))


@pytest.mark.parametrize("time", [dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 1, fold=1)])  # noqa: DTZ001 - naive on purpose
async def test_a_time_without_a_zone_is_refused(shared, time):
    with pytest.raises(StatementError, match="without a time zone"):
        await rows.add(shared, rows.execution(executed_at=time))


@pytest.mark.parametrize("hours", [-11, 0, 5.5, 14])
async def test_a_time_comes_back_as_the_same_moment_in_utc(shared, hours):
    zone = dt.timezone(dt.timedelta(hours=hours))
    row = rows.execution(executed_at=rows.NOW.astimezone(zone))
    found = await kept(shared, row, ExecutionRow.executed_at)
    assert found == rows.NOW
    assert found.tzinfo is dt.UTC


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"a": None},
        {"deep": [1, 2.5, True, {"ü": "日本 \U0001f600"}]},
        {"quote": "'\"\\\n\t"},
        {"big": 2**53},
        {"": ""},
    ],
)
async def test_json_comes_back_as_it_was(shared, value):
    assert await kept(shared, rows.execution(input_data=value), ExecutionRow.input_data) == value


async def test_no_json_is_null(database):
    await rows.add(database, rows.execution(input_data=None))
    assert await one(database, "SELECT count(*) FROM execution_history WHERE input_data IS NULL") == 1


@pytest.mark.parametrize("usd", ["0", "0.000000001", "0.1", "123456.789012345", "999999.999999999"])
async def test_money_comes_back_exactly(shared, usd):
    found = await kept(shared, rows.execution(estimated_cost_usd=Decimal(usd)), ExecutionRow.estimated_cost_usd)
    assert isinstance(found, Decimal)
    assert found == Decimal(usd)


async def test_an_unpriced_execution_costs_null_and_not_nothing(database):
    await rows.add(database, rows.execution(estimated_cost_usd=None))
    assert await one(database, "SELECT count(*) FROM execution_history WHERE estimated_cost_usd IS NULL") == 1


async def test_tags_are_searchable(database):
    await rows.add(database, rows.prompt(name="x", tags=["a", "b"]), rows.prompt(name="y", tags=["b"]))
    query = {
        "sqlite": "SELECT name FROM prompt_library WHERE EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag)",
        "postgresql": "SELECT name FROM prompt_library WHERE tags @> jsonb_build_array(:tag)",
    }[database.url.dialect]
    async with database.read() as session:
        statement = text(query).bindparams(bindparam("tag", "a"))
        assert (await session.execute(statement)).scalars().all() == ["x"]


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("foreign_keys", 1),
        ("secure_delete", 1),
        ("busy_timeout", 30_000),
        ("recursive_triggers", 1),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_every_connection_to_sqlite_is_set_up(database, pragma, value):
    assert await one(database, f"PRAGMA {pragma}") == value
    async with database.write() as session:
        assert (await session.execute(text(f"PRAGMA {pragma}"))).scalar_one() == value


async def test_errors_of_the_database_show_no_values(database):
    with pytest.raises(IntegrityError) as raised:
        await rows.add(database, rows.execution(user_feedback=9, rendered_prompt="canary-7f3a"))
    assert "canary-7f3a" not in str(raised.value).split("DETAIL")[0]
