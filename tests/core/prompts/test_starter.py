"""The starter prompts are there on first use, and what the user made of them stays."""

import asyncio
import json
import subprocess
import sys
from contextlib import contextmanager

import pytest
from sqlalchemy import event

from codetune_core.domain.prompt import PromptDraft, Wording
from codetune_core.errors import PromptNotFound
from codetune_core.prompts.files import write_prompt
from codetune_core.prompts.library import PromptLibrary
from codetune_core.prompts.starter import AUTHOR, RECORD, Installation, install, shipped_files
from codetune_core.storage.database import Database
from codetune_core.storage.prompt_store import SqlPromptStore
from codetune_core.storage.url import parse_url


@pytest.fixture
def library(database):
    return PromptLibrary(SqlPromptStore(database))


def release(**texts: str) -> dict[str, str]:
    """The files of a release: a template by name."""
    return {
        f"{name}.prompt.md": write_prompt(PromptDraft(name=name, tags=("starter",)), Wording(user_prompt_template=text))
        for name, text in texts.items()
    }


async def running(library) -> dict[str, str]:
    names = [prompt.name for prompt in await library.list()]
    return {name: (await library.choose(name)).version.wording.user_prompt_template for name in names}


@contextmanager
def statements(database):
    """Collect the SQL that reaches the database."""
    found: list[str] = []

    def note(connection, cursor, statement, parameters, context, executemany):  # noqa: PLR0917 - the event's own
        found.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def test_all_that_ships_is_installed_and_runs(library):
    done = await install(library)
    assert len(done.added) == len(shipped_files()) >= 16
    assert [prompt.name for prompt in await library.list()] == sorted(done.added)
    for name in done.added:
        choice = await library.choose(name)
        assert (choice.version.number, choice.version.is_deployed, choice.prompt.created_by) == (1, True, AUTHOR)
    assert (done.updated, done.notices) == ((), ())


async def test_a_second_time_nothing_is_done_in_one_query(library, database):
    await install(library, release(a="one"))
    with statements(database) as found:
        assert await install(library, release(a="one")) == Installation()
    assert [statement.split()[0] for statement in found if statement.split()[0] not in ("BEGIN", "COMMIT")] == [
        "SELECT"
    ]


@pytest.mark.parametrize("how", ["archive", "purge", "rename"])
async def test_a_prompt_that_the_user_removed_is_not_brought_back(library, how):
    await install(library, release(a="one", b="one"))
    if how == "rename":
        await library.describe("a", PromptDraft(name="mine"))
    else:
        await getattr(library, how)("a")
    left = {"mine": "one", "b": "one"} if how == "rename" else {"b": "one"}
    for texts in (release(a="one", b="one"), release(a="two", b="one")):
        await install(library, texts)
        assert await running(library) == left


async def test_a_new_wording_runs_where_the_one_before_was_left_alone(library):
    await install(library, release(a="one", b="one"))
    done = await install(library, release(a="two", b="one", c="new"))
    assert done == Installation(added=("c",), updated=("a",))
    assert await running(library) == {"a": "two", "b": "one", "c": "new"}
    assert [version.number for version in await library.versions("a")] == [2, 1]
    assert await install(library, release(a="two", b="one", c="new")) == Installation()


async def test_a_new_wording_only_waits_where_the_user_runs_their_own(library):
    await install(library, release(a="one"))
    own = await library.edit("a", Wording(user_prompt_template="mine"), by="ada")
    await library.deploy("a", own.number, by="ada")
    done = await install(library, release(a="two"))
    assert done.updated == ()
    assert done.notices == ("a: version 3 is the new starter wording; yours stays in production",)
    assert await running(library) == {"a": "mine"}
    assert await install(library, release(a="two")) == Installation()


async def test_a_new_wording_does_not_end_an_experiment(library):
    await install(library, release(a="one"))
    other = await library.edit("a", Wording(user_prompt_template="mine"), by="ada")
    await library.start_experiment("a", {1: 1.0, other.number: 1.0}, by="ada")
    done = await install(library, release(a="two"))
    assert (done.updated, len(done.notices)) == ((), 1)
    assert (await library.states("a"))["production"].experiment


async def test_an_older_codetune_does_not_take_a_newer_wording_away(library):
    await install(library, release(a="one"))
    await install(library, release(a="two"))
    assert await install(library, release(a="one")) == Installation()
    assert await running(library) == {"a": "two"}
    assert await install(library, release(a="two")) == Installation()
    assert await running(library) == {"a": "two"}


async def test_a_wording_that_the_user_rolled_back_is_not_deployed_again(library):
    await install(library, release(a="one"))
    await install(library, release(a="two"))
    await library.rollback("a", by="ada")
    assert await install(library, release(a="two", b="new")) == Installation(added=("b",))
    assert (await running(library))["a"] == "one"


async def test_a_prompt_of_the_users_own_keeps_its_name(library):
    await library.create(PromptDraft(name="a"), Wording(user_prompt_template="mine"), by="ada")
    done = await install(library, release(a="one", b="one"))
    assert (done.added, len(done.notices)) == (("b",), 1)
    assert await running(library) == {"a": "mine", "b": "one"}
    await install(library, release(a="two", b="one"))
    assert (await running(library))["a"] == "mine"


async def test_a_prompt_that_no_longer_ships_stays(library):
    await install(library, release(a="one", b="one"))
    await install(library, release(a="one"))
    assert await running(library) == {"a": "one", "b": "one"}
    await library.archive("b")
    await install(library, release(a="two", b="one"))
    assert await running(library) == {"a": "two"}


async def test_what_was_installed_is_not_listed_among_the_prompts(library):
    await install(library, release(a="one"))
    assert [prompt.name for prompt in await library.list()] == ["a"]
    assert [prompt.name for prompt in await library.list(archived=True)] == [RECORD]
    with pytest.raises(PromptNotFound):
        await library.choose(RECORD)


async def test_six_starts_at_once_install_once(library):
    texts = release(**{f"p{number}": "one" for number in range(3)})
    await asyncio.gather(*(install(library, texts) for _ in range(6)))
    assert await running(library) == dict.fromkeys((f"p{number}" for number in range(3)), "one")
    for number in range(3):
        assert len(await library.versions(f"p{number}")) == 1
        assert len(await library.ledger(f"p{number}")) == 1
    assert await install(library, texts) == Installation()


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", range(8))
async def test_killed_at_any_write_it_is_made_good_by_the_next_start(library, monkeypatch, step):
    await install(library, release(a="one"))
    writes = iter(range(100))

    def dying(act):
        if next(writes) == step:
            raise Killed
        return act

    for name in ("create", "add_version", "append", "set_active"):
        act = getattr(library._store, name)
        monkeypatch.setattr(library._store, name, lambda *given, act=act, **more: dying(act)(*given, **more))
    ended = True
    try:
        await install(library, release(a="two", b="one", c="one"))
    except Killed:
        ended = False
    assert not ended
    monkeypatch.undo()
    await install(library, release(a="two", b="one", c="one"))
    assert await running(library) == {"a": "two", "b": "one", "c": "one"}
    assert await install(library, release(a="two", b="one", c="one")) == Installation()


SCRIPT = """
import asyncio, json, sys
from codetune_core.prompts.library import PromptLibrary
from codetune_core.prompts.starter import install
from codetune_core.storage.database import Database
from codetune_core.storage.prompt_store import SqlPromptStore
from codetune_core.storage.url import parse_url

async def main():
    async with Database(parse_url(sys.argv[1])) as database:
        await install(PromptLibrary(SqlPromptStore(database)), json.loads(sys.argv[2]))

asyncio.run(main())
"""


async def test_processes_that_start_at_once_install_once(database_url):
    texts = release(a="one", b="one", c="one")
    command = [sys.executable, "-c", SCRIPT, database_url, json.dumps(texts)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]  # noqa: ASYNC220 - waited for
    ends = [(process.communicate()[1].decode(), process.returncode) for process in processes]
    assert [code for _, code in ends] == [0] * 2, ends
    async with Database(parse_url(database_url)) as database:
        library = PromptLibrary(SqlPromptStore(database))
        assert await running(library) == {"a": "one", "b": "one", "c": "one"}
        assert all([len(await library.ledger(name)) == 1 for name in ("a", "b", "c")])


def offered(tags: tuple[str, ...], text: str = "one") -> dict[str, str]:
    draft = PromptDraft(name="a", tags=("starter", *tags))
    return {"a.prompt.md": write_prompt(draft, Wording(user_prompt_template=text))}


@pytest.mark.parametrize("text", ["one", "two"])
async def test_a_prompt_that_was_installed_before_editors_offered_it_is_offered_with_the_next_release(library, text):
    await install(library, offered(()))
    await install(library, offered(("editor:file",), text))
    assert (await library.show("a")).draft.tags == ("starter", "editor:file")


@pytest.mark.parametrize("kept", [("editor:none",), ("mine", "editor:selection", "shows:replace")])
async def test_where_the_user_says_that_a_prompt_is_offered_a_release_does_not_say_otherwise(library, kept):
    await install(library, offered(()))
    await library.describe("a", PromptDraft(name="a", tags=kept))
    await install(library, offered(("editor:file",)))
    assert (await library.show("a")).draft.tags == kept
