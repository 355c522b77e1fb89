"""The library's store under concurrency, its mirror of production, and what it never changes."""

import asyncio
import math
import re
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from sqlalchemy import event, select, text, update

from codetune_core.domain.clock import utc_now
from codetune_core.domain.deployment import Action
from codetune_core.domain.identifiers import new_id
from codetune_core.domain.prompt import Decoding, FewShotExample, PromptDraft, Variable, Wording
from codetune_core.errors import IdenticalVersion, LedgerMoved, NameTaken, PromptNotFound
from codetune_core.prompts.protocol import Entry
from codetune_core.storage.database import Database
from codetune_core.storage.prompt_store import SqlPromptStore
from codetune_core.storage.tables.history import ExecutionRow
from codetune_core.storage.tables.prompts import PromptRow, PromptVersionRow
from codetune_core.storage.url import parse_url

REVIEW = PromptDraft(name="review")


@pytest.fixture
def store(database):
    return SqlPromptStore(database)


@pytest.fixture
async def stores(database_url):
    """Four stores of one database, each with connections of its own, as four processes have."""
    async with AsyncExitStack() as stack:
        databases = [await stack.enter_async_context(Database(parse_url(database_url))) for _ in range(4)]
        yield [SqlPromptStore(database) for database in databases]


@pytest.fixture
async def postgresql_store(postgresql_url):
    """A store where two transactions can each wait for the other; SQLite has one writer."""
    async with Database(parse_url(postgresql_url)) as database:
        yield SqlPromptStore(database)


def saying(text: str, **fields) -> Wording:
    return Wording(user_prompt_template=text, **fields)


async def check(store, *texts: str, name: str = "review"):
    """A prompt with a version for each text; the prompt and its versions, the oldest first."""
    prompt, first = await store.create(PromptDraft(name=name), saying(texts[0]), "ada", "")
    return prompt, [first, *[await store.add_version(prompt.id, saying(text), "ada", "") for text in texts[1:]]]


def deploying(version, label: str = "production", action: Action = Action.DEPLOY) -> Entry:
    return Entry(version.prompt_id, version.id, label, action, "ada")


async def together(acts) -> list:
    """Results and errors of what is done at once."""
    return await asyncio.gather(*acts, return_exceptions=True)


async def test_a_wording_comes_back_as_it_was_written(store):
    wording = Wording(
        system_prompt="Sei genau. 😀\r\n\ttabs\u2028",
        user_prompt_template="{{ code }}\\n'\";--",
        few_shot_examples=(FewShotExample(variables={"code": "x", "n": 1.0, "deep": {"a": [None, True]}}, output=""),),
        variables=(Variable(name="code", cut=0, choices=("a", 1)), Variable(name="n", minimum=0.1, maximum=1e300)),
        model_type="whiterabbitneo",
        temperature=0.30000000000000004,
        max_tokens=1,
        decoding=Decoding(top_p=0.9, seed=2**63, stop=("", "END")),
    )
    prompt, version = await store.create(REVIEW, wording, "ada", "notes")
    read = await store.version(prompt.id, 1)
    assert read == version
    assert (read.wording, read.wording.content_hash) == (wording, wording.content_hash)
    assert await store.version_by_id(version.id) == version
    assert (await store.version_by_id(new_id()), await store.version(prompt.id, 2)) == (None, None)


async def test_parallel_edits_get_consecutive_numbers(stores):
    prompt, _ = await check(stores[0], "0")
    made = await together(stores[n % 4].add_version(prompt.id, saying(f"edit {n}"), "ada", "") for n in range(20))
    assert sorted(version.number for version in made) == list(range(2, 22))
    assert {v.id: v.wording for v in await stores[0].versions(prompt.id)}.items() >= {
        v.id: v.wording for v in made
    }.items()


async def test_of_equal_edits_at_once_one_is_written(stores):
    prompt, _ = await check(stores[0], "0")
    made = await together(stores[n % 4].add_version(prompt.id, saying("same"), "ada", "") for n in range(8))
    refused = [result for result in made if isinstance(result, IdenticalVersion)]
    assert len(refused) == 7
    assert {error.number for error in refused} == {2}
    assert len(await stores[0].versions(prompt.id)) == 2


async def test_of_prompts_of_one_name_made_at_once_one_is_written(stores):
    made = await together(stores[n % 4].create(REVIEW, saying(str(n)), "ada", "") for n in range(8))
    assert sum(isinstance(result, NameTaken) for result in made) == 7
    assert len(await stores[0].prompts()) == 1


async def test_of_prompts_restored_under_one_name_at_once_one_is(stores):
    archived = []
    for n in range(4):
        prompt, _ = await check(stores[0], str(n))
        archived.append((await stores[0].set_active(prompt.id, active=False)).id)
    made = await together(store.set_active(id_, active=True) for store, id_ in zip(stores, archived, strict=True))
    assert sum(isinstance(result, NameTaken) for result in made) == 3
    assert len(await stores[0].prompts()) == 1


async def test_of_entries_after_one_state_one_is_written(stores):
    _, versions = await check(stores[0], "1", "2", "3", "4")
    made = await together(store.append(deploying(v), None) for store, v in zip(stores, versions, strict=True))
    assert sum(isinstance(result, LedgerMoved) for result in made) == 3
    (entry,) = [result for result in made if not isinstance(result, LedgerMoved)]
    assert await stores[0].ledger(versions[0].prompt_id) == [entry]
    again = await together(
        store.append(deploying(v), entry.sequence) for store, v in zip(stores, versions, strict=True)
    )
    assert sum(isinstance(result, LedgerMoved) for result in again) == 3


async def test_an_entry_for_an_empty_label_is_refused_once_it_is_not_empty(store):
    _, (one, two) = await check(store, "1", "2")
    await store.append(deploying(one), None)
    await store.append(deploying(two, "staging"), None)
    with pytest.raises(LedgerMoved):
        await store.append(deploying(two), None)
    with pytest.raises(LedgerMoved):
        await store.append(deploying(two, "canary"), 1)


async def test_parallel_tests_of_a_version_are_all_counted(stores):
    _, (version,) = await check(stores[0], "1")
    times = [float(n) for n in range(1, 41)]
    await asyncio.gather(
        *(
            stores[n % 4].add_test_result(version.id, success=n % 4 != 0, milliseconds=time)
            for n, time in enumerate(times)
        )
    )
    tests = (await stores[0].version_by_id(version.id)).tests
    assert tests.executions == 40
    assert math.isclose(tests.success_rate, 0.75)
    assert math.isclose(tests.average_ms, sum(times) / 40)


async def test_the_first_test_of_a_version_is_its_average(store):
    _, (version,) = await check(store, "1")
    tests = await store.add_test_result(version.id, success=True, milliseconds=12.5)
    assert (tests.executions, tests.success_rate, tests.average_ms) == (1, 1.0, 12.5)
    assert version.tests.average_ms is None


async def mirror(store, prompt) -> tuple:
    """What the prompt's own row says of the wording, and the version marked deployed."""
    async with store._database.read() as session:
        row = await session.get(PromptRow, prompt.id)
        marked = PromptVersionRow.is_deployed.is_(True), PromptVersionRow.prompt_id == prompt.id
        deployed = (await session.scalars(select(PromptVersionRow.version_number).where(*marked))).all()
    shown = row.user_prompt_template, row.system_prompt, row.temperature, row.max_tokens, row.model_type
    return shown, row.few_shot_examples, row.current_version_id, list(deployed)


async def test_a_prompts_row_mirrors_what_is_in_production(store):
    example = FewShotExample(variables={"code": "x"}, output="no")
    prompt, one = await store.create(REVIEW, saying("1", temperature=0, few_shot_examples=(example,)), "ada", "")
    two = await store.add_version(prompt.id, saying("2", system_prompt="s", max_tokens=9, model_type="m"), "ada", "")
    shown_one = (("1", "", 0.0, 2048, None), [example.model_dump()], one.id, [1])
    shown_two = (("2", "s", 0.7, 9, "m"), [], two.id, [2])
    assert await mirror(store, prompt) == (("", "", 0.7, 2048, None), [], None, [])
    first = await store.append(deploying(one), None)
    assert await mirror(store, prompt) == shown_one
    await store.append(deploying(two, "staging"), None)
    assert await mirror(store, prompt) == shown_one
    second = await store.append(deploying(two), first.sequence)
    assert await mirror(store, prompt) == shown_two
    await store.append(deploying(one, action=Action.ROLLBACK), second.sequence)
    assert await mirror(store, prompt) == shown_one


async def test_a_version_says_since_when_it_is_deployed(store):
    _, (one, two) = await check(store, "1", "2")
    first = await store.append(deploying(one), None)
    again = await store.append(deploying(one, action=Action.EXPERIMENT), first.sequence)
    assert again.at > first.at
    read = await store.version_by_id(one.id)
    assert (read.is_deployed, read.deployed_at) == (True, first.at)
    await store.append(deploying(two), again.sequence)
    read = await store.version_by_id(one.id)
    assert (read.is_deployed, read.deployed_at) == (False, first.at)


async def test_the_mirror_is_right_after_any_race(stores):
    prompt, versions = await check(stores[0], "1", "2", "3", "4")

    async def deploy(store, version):
        while True:
            try:
                last = (await store.ledger(prompt.id, "production"))[-1:]
                return await store.append(deploying(version), last[0].sequence if last else None)
            except LedgerMoved:
                continue

    await asyncio.gather(*(deploy(stores[n % 4], versions[n % 4]) for n in range(12)))
    last = (await stores[0].ledger(prompt.id))[-1]
    (template, *_), _, current, deployed = await mirror(stores[0], prompt)
    assert (template, current, deployed) == (str(last.version_number), last.version_id, [last.version_number])


async def test_a_version_of_another_prompt_is_not_deployed(store):
    _, (one,) = await check(store, "1")
    other, _ = await check(store, "1", name="other")
    with pytest.raises(PromptNotFound):
        await store.append(Entry(other.id, one.id, "production", Action.DEPLOY, "ada"), None)
    assert await store.ledger(other.id) == []


async def test_what_is_purged_is_not_there(store):
    prompt, (one,) = await check(store, "1")
    await store.purge(prompt.id)
    assert (await store.get(prompt.id), await store.find("review")) == (None, None)
    for act in (
        store.purge(prompt.id),
        store.delete(prompt.id),
        store.describe(prompt.id, REVIEW),
        store.set_active(prompt.id, active=True),
        store.add_version(prompt.id, saying("2"), "ada", ""),
        store.append(deploying(one), None),
        store.add_test_result(one.id, success=True, milliseconds=1),
    ):
        with pytest.raises(PromptNotFound, match="no longer there"):
            await act


@asynccontextmanager
async def changes(database):
    """Statements that change a version or the ledger, as they are sent."""
    sent = []

    def note(_connection, _cursor, statement, *_):
        if "UPDATE prompt_versions" in statement or "prompt_deployments SET" in statement or "DELETE" in statement:
            sent.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    yield sent
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def test_nothing_but_marks_and_test_figures_of_a_version_is_ever_changed(store, database):
    async with changes(database) as sent:
        prompt, (one, two) = await check(store, "1", "2")
        first = await store.append(deploying(one), None)
        await store.append(deploying(two), first.sequence)
        await store.add_test_result(two.id, success=True, milliseconds=1)
        await store.describe(prompt.id, REVIEW)
        await store.set_active(prompt.id, active=False)
    columns = {name for statement in sent for name in re.findall(r"(\w+)=", statement.partition(" WHERE ")[0])}
    assert {"is_deployed", "deployed_at", "test_executions"} <= columns
    assert columns <= {"is_deployed", "deployed_at", "test_executions", "test_success_rate", "test_avg_execution_time"}
    assert not [statement for statement in sent if "prompt_versions" not in statement]


async def test_the_database_refuses_to_change_what_a_version_says(store, database):
    _, (version,) = await check(store, "1")
    for name in [*Wording.model_fields, "version_number", "content_hash", "created_by", "change_notes"]:
        with pytest.raises(Exception, match="never changes"):
            await write_again(database, version, name)
    assert await store.version_by_id(version.id) == version


async def write_again(database, version, name: str) -> None:
    async with database.write() as session:
        change = update(PromptVersionRow).where(PromptVersionRow.id == version.id)
        await session.execute(change.values({name: getattr(PromptVersionRow, name)}))


async def test_what_answers_is_found_by_indexes(store, database):
    assert "uq_prompt_library_active_name" in await plan(database, store.find("review"))
    both = await plan(database, store.deployed("review", "production"))
    assert "uq_prompt_library_active_name" in both
    assert "ix_prompt_deployments_prompt_id_label" in both


async def test_what_is_in_production_is_listed_by_name_with_its_version_where_it_has_one_of_the_tags(store):
    async def add(name, *tags, deployed=True):
        prompt, version = await store.create(PromptDraft(name=name, tags=tags), saying(name), "ada", "")
        if deployed:
            await store.append(deploying(version), None)
        return prompt, await store.version_by_id(version.id)

    async def listed(limit=9):
        return [(prompt.name, version) for prompt, version in await store.in_production(["x", "y"], limit)]

    await add("untagged", "z", "xy")
    await add("undeployed", "x", deployed=False)
    archived, _ = await add("archived", "x")
    await store.set_active(archived.id, active=False)
    (_, second), (_, first), (twice, both) = await add("b", "z", "y"), await add("a", "x"), await add("c", "x", "y")
    assert await listed() == [("a", first), ("b", second), ("c", both)]
    assert await listed(limit=2) == [("a", first), ("b", second)]
    newer = await store.add_version(twice.id, saying("newer"), "ada", "")
    assert (await listed())[2] == ("c", both)
    await store.append(deploying(newer), (await store.ledger(twice.id))[-1].sequence)
    assert (await listed())[2][1].number == 2


@pytest.mark.postgresql
async def test_tags_are_found_by_their_index(postgresql_store):
    found = postgresql_store.prompts(tags=["ci", "security"])
    assert "ix_prompt_library_tags" in await plan(postgresql_store._database, found)


async def plan(database, act) -> str:
    """How the database finds what an act asks for, where tables are too large to be read whole."""
    statements = []

    def note(_connection, _cursor, statement, parameters, *_):
        statements.append((statement, parameters))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    await act
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    (asked,) = [(statement, parameters) for statement, parameters in statements if statement.startswith("SELECT")]
    return await explained(database, *asked)


async def explained(database, statement: str, parameters: tuple) -> str:
    async with database.connection() as connection:
        if database.url.dialect == "sqlite":
            rows = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            return "\n".join(row.detail for row in rows)
        await connection.execute(text("SET enable_seqscan = off"))
        return "\n".join(row[0] for row in await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters))


def execution(version) -> ExecutionRow:
    return ExecutionRow(
        id=new_id(),
        prompt_id=version.prompt_id,
        version_id=version.id,
        executed_at=utc_now(),
        task="review",
        keep="full",
    )


async def until_waiting(database) -> None:
    """Return when a statement waits for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while True:
        async with database.read() as session:
            if (await session.execute(waiting)).scalar_one():
                return
        await asyncio.sleep(0.01)


@pytest.mark.postgresql
async def test_an_execution_that_ends_while_its_prompt_is_purged_is_recorded(postgresql_store):
    store, database = postgresql_store, postgresql_store._database
    prompt, (version,) = await check(store, "1")
    async with database.write() as session:
        session.add(begun := execution(version))
    async with database.write() as session:
        this = ExecutionRow.id == begun.id
        await session.execute(select(ExecutionRow.id).where(this).with_for_update())
        purging = asyncio.create_task(store.purge(prompt.id))
        await until_waiting(database)
        await session.execute(update(ExecutionRow).where(this).values(success=True, execution_time_ms=5.0))
    await purging
    async with database.read() as session:
        row = await session.scalar(select(ExecutionRow))
    assert (await store.get(prompt.id), row.prompt_id, row.version_id, row.success) == (None, None, None, True)


@pytest.mark.postgresql
async def test_a_prompt_whose_first_execution_begins_while_it_is_deleted_is_archived(postgresql_store):
    store, database = postgresql_store, postgresql_store._database
    prompt, (version,) = await check(store, "1")
    async with database.write() as session:
        session.add(execution(version))
        await session.flush()
        deleting = asyncio.create_task(store.delete(prompt.id))
        await until_waiting(database)
    assert await deleting is False
    assert not (await store.get(prompt.id)).is_active


@pytest.mark.parametrize("number", [-0.0, 1.0, 0.1, 1e-7, 5e-324, 1e16, 1.5e17, 1e23, 1.7e308, 2**53 + 1, 10**30])
async def test_what_comes_back_has_the_hash_it_was_stored_under(store, number):
    wording = saying(
        "{{ n }}",
        few_shot_examples=(FewShotExample(variables={"n": number, "deep": [{"n": number}]}, output=""),),
        variables=(Variable(name="n", default=number, choices=(number,), minimum=-0.0, maximum=1e300),),
        decoding=Decoding(min_p=-0.0, repetition_penalty=1e16),
    )
    prompt, _ = await store.create(REVIEW, wording, "ada", "")
    found = (await store.version(prompt.id, 1)).wording
    assert found.content_hash == wording.content_hash
    with pytest.raises(IdenticalVersion):
        await store.add_version(prompt.id, found, "ada", "")


async def test_no_act_fails_for_the_name_of_who_does_it_or_for_why(store):
    name, why = "ä" * 300, "nul \0 and half a pair \ud800"
    prompt, first = await store.create(PromptDraft(name="long"), saying("1"), name, why)
    second = await store.add_version(prompt.id, saying("2"), f"\udcff{name}", why)
    entry = await store.append(Entry(prompt.id, first.id, "production", Action.DEPLOY, name, why), None)
    assert prompt.created_by == first.created_by == entry.by == "ä" * 100
    assert second.created_by == "\ufffd" + "ä" * 99
    assert first.change_notes == second.change_notes == entry.reason == "nul \ufffd and half a pair \ufffd"
