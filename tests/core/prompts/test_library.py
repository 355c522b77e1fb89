"""What people do with prompts: create, edit, compare, clone, archive, delete, and choose the one that answers."""

import dataclasses
from contextlib import contextmanager

import pytest
from sqlalchemy import event, func, select

from codetune_core.domain.clock import utc_now
from codetune_core.domain.identifiers import new_id
from codetune_core.domain.prompt import Category, PromptDraft, Variable, Wording
from codetune_core.errors import IdenticalVersion, NameTaken, PromptError, PromptNotFound
from codetune_core.prompts.experiments.assign import assign
from codetune_core.prompts.library import PromptLibrary
from codetune_core.storage.prompt_store import SqlPromptStore
from codetune_core.storage.tables.history import ExecutionRow
from codetune_core.storage.tables.prompts import DeploymentRow, PromptRow, PromptVersionRow

REVIEW = PromptDraft(
    name="review",
    description="Finds flaws.",
    category=Category.CODE_REVIEW,
    use_case="on save",
    tags=("security", "ci"),
)


@pytest.fixture
def library(database):
    return PromptLibrary(SqlPromptStore(database))


def saying(text: str, **fields) -> Wording:
    return Wording(user_prompt_template=text, **fields)


async def check(library, *texts: str, name: str = "review"):
    """A prompt with a version for each text, the first deployed."""
    prompt, _ = await library.create(REVIEW.model_copy(update={"name": name}), saying(texts[0]), by="ada")
    for text in texts[1:]:
        await library.edit(name, saying(text), by="ada")
    return prompt


async def execute(database, prompt, *, success=True) -> None:
    """Record an execution of a prompt's current version."""
    row = ExecutionRow(
        id=new_id(), prompt_id=prompt.id, version_id=prompt.current_version_id, executed_at=utc_now(), task="review",
        keep="full", execution_time_ms=40.0, success=success,
    )  # fmt: skip
    async with database.write() as session:
        session.add(row)


async def count(database, table) -> int:
    async with database.read() as session:
        return (await session.execute(select(func.count()).select_from(table))).scalar_one()


@contextmanager
def queries(database):
    """Statements that read, as they are sent."""
    sent = []

    def note(_connection, _cursor, statement, *_):
        if statement.lstrip().startswith("SELECT"):
            sent.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    yield sent
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def test_a_new_prompt_is_in_production(library):
    wording = saying("{{ code }}", variables=(Variable(name="code"),), temperature=0)
    prompt, version = await library.create(REVIEW, wording, by="ada", notes="first")
    assert prompt.draft == REVIEW
    assert (prompt.created_by, prompt.is_active, prompt.current_version_id) == ("ada", True, version.id)
    assert (version.number, version.wording, version.change_notes) == (1, wording, "first")
    assert version.is_deployed
    assert await library.show("review") == prompt
    assert (await library.choose("review")).version == version


async def test_a_new_prompt_can_wait(library):
    prompt, version = await library.create(REVIEW, saying("x"), by="ada", deploy=False)
    assert prompt.current_version_id is None
    assert not version.is_deployed
    with pytest.raises(PromptNotFound, match="deployed is nothing yet"):
        await library.choose("review")
    assert (await library.choose("review", version=1)).version == version


async def test_an_edit_is_the_next_version_and_does_not_run_yet(library):
    await check(library, "one")
    version = await library.edit("review", saying("two"), by="bob", notes="shorter")
    assert (version.number, version.created_by, version.change_notes) == (2, "bob", "shorter")
    assert [v.number for v in await library.versions("review")] == [2, 1]
    assert (await library.choose("review")).version.number == 1
    assert await library.version("review", 2) == version


async def test_what_a_version_says_already_is_refused_with_its_number(library):
    await check(library, "text 1", "text 2", "text 3")
    for number in (1, 2, 3):
        with pytest.raises(IdenticalVersion, match=f"version {number}") as caught:
            await library.edit("review", saying(f"text {number}"), by="ada")
        assert caught.value.number == number
    assert len(await library.versions("review")) == 3


async def test_two_prompts_may_say_the_same(library):
    await check(library, "one")
    await check(library, "one", name="other")
    assert (await library.version("other", 1)).number == 1


async def test_what_not_every_database_can_store_is_refused(library):
    await check(library, "one")
    other = REVIEW.model_copy(update={"name": "other", "description": "\0"})
    for act in (
        library.edit("review", saying("a\0b"), by="ada"),
        library.create(other, saying("one"), by="ada"),
        library.describe("review", other),
    ):
        with pytest.raises(PromptError, match="cannot be stored"):
            await act


async def test_an_escaped_nul_is_text_like_any_other(library):
    await check(library, r"\u0000 and \\u0000")
    assert (await library.choose("review")).version.wording == saying(r"\u0000 and \\u0000")


async def test_a_name_is_taken_while_its_prompt_is_active(library):
    await check(library, "one")
    await check(library, "one", name="other")
    with pytest.raises(NameTaken):
        await library.create(REVIEW, saying("two"), by="ada")
    with pytest.raises(NameTaken):
        await library.describe("other", REVIEW)
    with pytest.raises(NameTaken):
        await library.clone("other", "review", by="ada")
    await library.archive("review")
    await library.create(REVIEW, saying("two"), by="ada")
    with pytest.raises(NameTaken):
        await library.restore("review")


async def test_describing_changes_no_version(library):
    prompt = await check(library, "one")
    draft = PromptDraft(name="inspect", description="d", category=Category.SECURITY, use_case="u", tags=("t",))
    assert await library.describe("review", draft) == dataclasses.replace(prompt, draft=draft)
    assert (await library.choose("inspect")).version.wording == saying("one")
    with pytest.raises(PromptNotFound):
        await library.show("review")


async def test_a_description_may_be_written_again(library):
    prompt = await check(library, "one")
    assert await library.describe("review", REVIEW) == prompt


LISTED = [
    ({}, ["alpha", "beta", "gamma"]),
    ({"category": Category.SECURITY}, ["beta"]),
    ({"tags": ["ci"]}, ["alpha", "beta"]),
    ({"tags": ["ci", "security"]}, ["alpha"]),
    ({"tags": ["security", "ci"]}, ["alpha"]),
    ({"tags": ["c"]}, []),
    ({"tags": ["CI"]}, []),
    ({"tags": ['"quoted", [x]']}, ["gamma"]),
    ({"tags": ["größe 😀"]}, ["gamma"]),
    ({"tags": ["1"]}, ["gamma"]),
    ({"tags": ["%"]}, []),
    ({"category": Category.OTHER, "tags": ["ci"]}, ["alpha"]),
    ({"archived": True}, ["omega"]),
    ({"archived": True, "tags": ["ci"]}, ["omega"]),
    ({"archived": True, "category": Category.SECURITY}, []),
]


async def test_prompts_are_listed_by_category_and_tags(library):
    drafts = [
        PromptDraft(name="beta", category=Category.SECURITY, tags=("ci",)),
        PromptDraft(name="alpha", tags=("security", "ci")),
        PromptDraft(name="gamma", tags=('"quoted", [x]', "größe 😀", "insecurity", "1")),
        PromptDraft(name="omega", tags=("ci",)),
    ]
    for draft in drafts:
        await library.create(draft, saying("x"), by="ada")
    await library.archive("omega")
    found = [(wanted, [prompt.name for prompt in await library.list(**wanted)]) for wanted, _ in LISTED]
    assert found == LISTED


async def test_versions_are_compared_within_a_prompt_and_across(library):
    await check(library, "one", "two")
    await check(library, "two", name="other")
    diff = await library.diff(("review", 1), ("review", 2))
    assert [(c.field, c.before, c.after) for c in diff.fields] == [("user_prompt_template", "one", "two")]
    assert diff.unified.splitlines()[:2] == ["--- review, version 1", "+++ review, version 2"]
    assert (diff.before.number, diff.after.number) == (1, 2)
    across = await library.diff(("review", 2), ("other", 1))
    assert (across.fields, across.unified) == ((), "")


async def test_a_clone_starts_as_what_is_in_production(library):
    prompt = await check(library, "one", "two")
    clone = await library.clone("review", "mine", by="bob")
    assert clone.id != prompt.id
    assert clone.draft == REVIEW.model_copy(update={"name": "mine"})
    (version,) = await library.versions("mine")
    assert (version.number, version.wording, version.created_by) == (1, saying("one"), "bob")
    assert version.change_notes == "cloned from review, version 1"
    await library.edit("mine", saying("three"), by="bob")
    assert len(await library.versions("review")) == 2


async def test_a_clone_starts_as_any_version_and_as_the_newest_where_none_is_deployed(library):
    await check(library, "one", "two")
    await library.clone("review", "a", by="bob", version=2)
    assert (await library.version("a", 1)).wording == saying("two")
    await library.create(REVIEW.model_copy(update={"name": "idle"}), saying("1"), by="ada", deploy=False)
    await library.edit("idle", saying("2"), by="ada")
    await library.clone("idle", "b", by="bob")
    assert (await library.version("b", 1)).wording == saying("2")


async def test_a_clone_needs_a_name_that_a_prompt_can_have(library):
    await check(library, "one")
    with pytest.raises(ValueError, match="name"):
        await library.clone("review", " ", by="bob")


async def test_an_archived_prompt_is_read_and_not_run(library):
    prompt = await check(library, "one", "two")
    archived = await library.archive("review")
    assert archived == dataclasses.replace(prompt, is_active=False)
    assert await library.list() == []
    assert await library.show("review") == archived
    assert len(await library.versions("review")) == 2
    assert len(await library.ledger("review")) == 1
    for act in (
        library.choose("review"),
        library.choose("review", version=1),
        library.edit("review", saying("three"), by="ada"),
        library.deploy("review", 2, by="ada"),
        library.archive("review"),
    ):
        with pytest.raises(PromptNotFound, match="'review' is archived: restore it first"):
            await act
    assert await library.restore("review") == prompt
    assert (await library.choose("review")).version.number == 1


async def test_of_archived_prompts_of_one_name_the_last_made_is_meant(library):
    await check(library, "old")
    await library.archive("review")
    second = await check(library, "new")
    await library.archive("review")
    assert (await library.show("review")).id == second.id
    assert (await library.restore("review")).id == second.id
    with pytest.raises(NameTaken):
        await library.restore("review")


async def test_only_what_is_archived_can_be_restored(library):
    await check(library, "one")
    with pytest.raises(PromptNotFound, match="no archived prompt"):
        await library.restore("review")


async def test_deleting_a_used_prompt_archives_it(library, database):
    prompt = await check(library, "one", "two")
    await execute(database, prompt)
    assert await library.delete("review") is False
    assert not (await library.show("review")).is_active
    assert await count(database, PromptVersionRow) == 2
    assert await count(database, DeploymentRow) == 1
    assert await count(database, ExecutionRow) == 1


async def test_a_prompt_that_is_being_executed_is_used(library, database):
    prompt = await check(library, "one")
    await execute(database, prompt, success=None)
    assert await library.delete("review") is False


async def test_deleting_an_unused_prompt_deletes_it(library, database):
    await check(library, "one", "two")
    assert await library.delete("review") is True
    with pytest.raises(PromptNotFound):
        await library.show("review")
    assert [await count(database, table) for table in (PromptRow, PromptVersionRow, DeploymentRow)] == [0, 0, 0]


@pytest.mark.parametrize("archived", [False, True])
async def test_purging_leaves_history_and_nothing_else(library, database, archived):
    prompt = await check(library, "one", "two")
    await library.deploy("review", 2, by="ada")
    await execute(database, prompt)
    await execute(database, prompt, success=None)
    other = await check(library, "one", name="other")
    await execute(database, other)
    if archived:
        await library.archive("review")
    await library.purge("review")
    assert [p.name for p in await library.list() + await library.list(archived=True)] == ["other"]
    assert [await count(database, table) for table in (PromptRow, PromptVersionRow, DeploymentRow)] == [1, 1, 1]
    async with database.read() as session:
        rows = (await session.execute(select(ExecutionRow.prompt_id, ExecutionRow.version_id))).all()
    assert {tuple(row) for row in rows} == {(None, None), (other.id, other.current_version_id)}
    assert len(rows) == 3


async def test_statistics_count_executions(library, database):
    prompt = await check(library, "one")
    for success in (True, True, False, True):
        await execute(database, prompt, success=success)
    statistics = (await library.show("review")).statistics
    assert (statistics.executions, statistics.success_rate, statistics.average_ms) == (4, 0.75, 40.0)


MISSPELT = {
    "reveiw": "there is no prompt 'reveiw'; did you mean 'review'?",
    "Review": "there is no prompt 'Review'; did you mean 'review'?",
    "explain-find": "there is no prompt 'explain-find'; did you mean 'explain finding'?",
    "zzz": "there is no prompt 'zzz'",
}


async def test_a_misspelt_name_is_answered_with_similar_ones(library):
    await check(library, "one")
    await check(library, "one", name="explain finding")
    for written, said in MISSPELT.items():
        for act in (library.show(written), library.choose(written), library.edit(written, saying("x"), by="ada")):
            with pytest.raises(PromptNotFound) as caught:
                await act
            assert str(caught.value) == said


async def test_an_unknown_version_is_answered_with_what_there_is(library):
    await check(library, "one", "two")
    for number in (0, -1, 3):
        for act in (
            library.choose("review", version=number),
            library.version("review", number),
            library.deploy("review", number, by="ada"),
            library.diff(("review", 1), ("review", number)),
        ):
            with pytest.raises(PromptNotFound, match=f"'review' has no version {number}: it has versions 1 to 2"):
                await act


async def test_a_label_without_a_version_is_answered_with_what_is_deployed_where(library):
    await check(library, "one", "two")
    await library.deploy("review", 2, label="canary", by="ada")
    said = "nothing of 'review' is deployed to 'staging'; deployed is version 2 to 'canary', version 1 to 'production'"
    with pytest.raises(PromptNotFound, match=said):
        await library.choose("review", label="staging")


async def test_each_label_has_its_own_choice(library):
    await check(library, "one", "two", "three")
    await library.deploy("review", 3, label="staging", by="ada")
    await library.deploy("review", 2, by="ada")
    assert (await library.choose("review")).version.number == 2
    assert (await library.choose("review", label="staging")).version.number == 3
    assert (await library.choose("review", version=1)).version.number == 1


async def test_choosing_is_one_query(library, database):
    await check(library, "one", "two")
    with queries(database) as sent:
        await library.choose("review")
    assert len(sent) == 1


async def test_choosing_in_an_experiment_is_two_queries_at_most(library, database):
    await check(library, "one", "two")
    await library.start_experiment("review", {1: 1, 2: 1}, by="ada")
    experiment = (await library.states("review"))["production"].experiment
    seen = {}
    for session_id in map(str, range(20)):
        with queries(database) as sent:
            choice = await library.choose("review", session_id=session_id)
        arm = assign(experiment, session_id)
        assert (choice.experiment_id, choice.experiment_arm) == (experiment.id, arm.name)
        assert (choice.version.id, choice.version.number) == (arm.version_id, arm.version_number)
        seen[arm.version_number] = max(len(sent), seen.get(arm.version_number, 0))
    # What was read is remembered where it is known that nobody wrote.
    assert seen[1] <= 1
    assert seen[2] <= 2


async def test_outside_an_experiment_no_arm_is_named(library):
    await check(library, "one", "two")
    await library.start_experiment("review", {1: 1, 2: 1}, by="ada")
    pinned = await library.choose("review", version=2, session_id="s")
    await library.stop_experiment("review", by="ada")
    stopped = await library.choose("review", session_id="s")
    assert {(choice.experiment_id, choice.experiment_arm) for choice in (pinned, stopped)} == {("", "")}
