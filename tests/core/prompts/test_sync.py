"""A directory and the library are brought together, and what two people wrote is never lost."""

import asyncio
import contextlib
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codetune_core.domain.prompt import PromptDraft, Wording
from codetune_core.errors import IdenticalVersion, PromptError, PromptFileError
from codetune_core.prompts import sync as syncing
from codetune_core.prompts import sync_state
from codetune_core.prompts.exchange import export_prompts, file_name, import_prompts
from codetune_core.prompts.files import load_prompt, write_prompt
from codetune_core.prompts.library import PromptLibrary
from codetune_core.prompts.sync import Kind, sync
from codetune_core.prompts.sync_state import FOLDER
from codetune_core.storage.database import Database
from codetune_core.storage.prompt_store import SqlPromptStore
from codetune_core.storage.url import parse_url


@pytest.fixture
async def library(sqlite_url):
    async with Database(parse_url(sqlite_url)) as database:
        yield PromptLibrary(SqlPromptStore(database))


@pytest.fixture
def folder(tmp_path):
    found = tmp_path / "prompts"
    found.mkdir()
    return found


def wording(text: str) -> Wording:
    return Wording(user_prompt_template=text)


async def run(library, folder, **options) -> dict[str, Kind]:
    return {change.name: change.kind for change in await sync(library, folder, by="ada", **options)}


async def create(library, name: str, text: str) -> None:
    await library.create(PromptDraft(name=name), wording(text), by="ada")


async def edit(library, name: str, text: str) -> None:
    version = await library.edit(name, wording(text), by="ada")
    await library.deploy(name, version.number, by="ada")


def write(folder: Path, name: str, text: str, path: str = "") -> Path:
    target = folder / (path or file_name(name))
    target.parent.mkdir(exist_ok=True)
    target.write_text(write_prompt(PromptDraft(name=name), wording(text)))
    return target


def in_files(folder: Path) -> dict[str, str]:
    """Template by prompt's name."""
    files = [load_prompt(path) for path in folder.rglob("*.prompt.md")]
    return {file.draft.name: file.wording.user_prompt_template for file in files}


async def in_library(library) -> dict[str, str]:
    """Template in production by prompt's name."""
    names = [prompt.name for prompt in await library.list()]
    return {name: (await library.choose(name)).version.wording.user_prompt_template for name in names}


async def synced(library, folder, name: str = "a", text: str = "one") -> None:
    await create(library, name, text)
    await sync(library, folder, by="ada")


async def test_what_is_on_one_side_only_goes_to_the_other(library, folder):
    await create(library, "a", "one")
    write(folder, "b", "two")
    assert await run(library, folder) == {"a": Kind.TO_DIRECTORY, "b": Kind.TO_LIBRARY}
    assert in_files(folder) == await in_library(library) == {"a": "one", "b": "two"}
    assert await run(library, folder) == {"a": Kind.EQUAL, "b": Kind.EQUAL}


async def test_a_change_on_one_side_goes_to_the_other(library, folder):
    await synced(library, folder)
    await edit(library, "a", "two")
    assert await run(library, folder) == {"a": Kind.TO_DIRECTORY}
    write(folder, "a", "three")
    assert await run(library, folder) == {"a": Kind.TO_LIBRARY}
    assert in_files(folder) == await in_library(library) == {"a": "three"}
    assert [version.number for version in await library.versions("a")] == [3, 2, 1]


async def test_a_file_brought_back_to_what_it_said_deploys_that_version(library, folder):
    await synced(library, folder)
    write(folder, "a", "two")
    await run(library, folder)
    write(folder, "a", "one")
    assert await run(library, folder) == {"a": Kind.TO_LIBRARY}
    assert (await library.choose("a")).version.number == 1
    assert await run(library, folder) == {"a": Kind.EQUAL}


async def test_a_rollback_in_the_library_reaches_the_file(library, folder):
    await synced(library, folder)
    await edit(library, "a", "two")
    await run(library, folder)
    await library.rollback("a", by="ada")
    await run(library, folder)
    assert in_files(folder) == {"a": "one"}


async def test_what_changed_on_both_sides_is_shown_and_left(library, folder):
    await synced(library, folder)
    await edit(library, "a", "theirs")
    path = write(folder, "a", "mine")
    before = path.read_bytes()
    for _ in range(2):
        (change,) = await sync(library, folder, by="ada")
        assert change.kind is Kind.CONFLICT
        assert all(line in change.diff for line in ("-one", "+mine", "+theirs", "--- last synced", "version 2"))
        assert "import it, or export" in change.detail
    assert path.read_bytes() == before
    assert await in_library(library) == {"a": "theirs"}


@pytest.mark.parametrize("side", ["import", "export"])
async def test_a_conflict_ends_when_one_side_is_brought_in_on_purpose(library, folder, side):
    await synced(library, folder)
    await edit(library, "a", "theirs")
    path = write(folder, "a", "mine")
    if side == "import":
        await import_prompts(library, [path], by="ada", label="production")
    else:
        await export_prompts(library, folder, ["a"], overwrite=True)
    assert await run(library, folder) == {"a": Kind.EQUAL}
    assert in_files(folder) == await in_library(library) == {"a": "mine" if side == "import" else "theirs"}


async def test_the_same_change_on_both_sides_is_no_conflict(library, folder):
    await synced(library, folder)
    await edit(library, "a", "two")
    write(folder, "a", "two")
    assert await run(library, folder) == {"a": Kind.EQUAL}
    await edit(library, "a", "three")
    assert await run(library, folder) == {"a": Kind.TO_DIRECTORY}


async def test_two_that_differ_and_were_never_synced_are_a_conflict(library, folder):
    await create(library, "a", "one")
    write(folder, "a", "two")
    (change,) = await sync(library, folder, by="ada")
    assert (change.kind, change.detail.partition(";")[0]) == (Kind.CONFLICT, "they differ and were never synced")
    assert all(line in change.diff for line in ("-one", "+two"))


async def test_two_that_are_equal_and_were_never_synced_are_equal(library, folder):
    await create(library, "a", "one")
    write(folder, "a", "one")
    assert await run(library, folder) == {"a": Kind.EQUAL}
    write(folder, "a", "two")
    assert await run(library, folder) == {"a": Kind.TO_LIBRARY}


@pytest.mark.parametrize("changed", [True, False])
async def test_a_file_that_is_gone_is_told_and_its_prompt_stays(library, folder, changed):
    await synced(library, folder)
    (folder / file_name("a")).unlink()
    if changed:
        await edit(library, "a", "two")
    (change,) = await sync(library, folder, by="ada")
    assert change.kind is Kind.DELETED_IN_DIRECTORY
    assert ("changed here since" in change.detail) == changed
    assert in_files(folder) == {}
    await library.archive("a")
    assert await run(library, folder) == {"a": Kind.EQUAL}
    assert await run(library, folder) == {}


@pytest.mark.parametrize("how", ["archive", "purge"])
@pytest.mark.parametrize("changed", [True, False])
async def test_a_prompt_that_is_gone_is_told_and_its_file_stays(library, folder, how, changed):
    await synced(library, folder)
    await getattr(library, how)("a")
    if changed:
        write(folder, "a", "two")
    (change,) = await sync(library, folder, by="ada")
    assert change.kind is Kind.DELETED_IN_LIBRARY
    assert ("changed here since" in change.detail) == changed
    assert in_files(folder) == {"a": "two" if changed else "one"}
    assert await library.list() == []
    (folder / file_name("a")).unlink()
    assert await run(library, folder) == {"a": Kind.EQUAL}
    assert await run(library, folder) == {}


async def test_a_prompt_renamed_in_the_library_renames_its_file(library, folder):
    await synced(library, folder)
    await library.describe("a", PromptDraft(name="B c"))
    assert await run(library, folder) == {"B c": Kind.TO_DIRECTORY}
    assert [path.name for path in folder.glob("*.prompt.md")] == [file_name("B c")]
    assert await run(library, folder) == {"B c": Kind.EQUAL}


async def test_a_renamed_prompt_never_takes_the_place_of_another_file(library, folder):
    await synced(library, folder)
    await library.describe("a", PromptDraft(name="b"))
    (folder / file_name("b")).mkdir()
    (change,) = await sync(library, folder, by="ada")
    assert (change.kind, change.detail) == (Kind.CONFLICT, f"{file_name('b')} is in the way; move it")
    assert load_prompt(folder / file_name("a")).draft.name == "a"


async def test_a_file_moved_to_another_path_stays_there(library, folder):
    await synced(library, folder)
    (folder / "deep").mkdir()
    (folder / file_name("a")).rename(folder / "deep" / "x.prompt.md")
    assert await run(library, folder) == {"a": Kind.EQUAL}
    await edit(library, "a", "two")
    assert await run(library, folder) == {"a": Kind.TO_DIRECTORY}
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*.prompt.md")] == ["deep/x.prompt.md"]
    assert in_files(folder) == {"a": "two"}


@pytest.mark.parametrize("moved", [True, False])
async def test_a_prompt_renamed_in_its_file_is_renamed_in_the_library(library, folder, moved):
    await synced(library, folder)
    (folder / file_name("a")).unlink()
    write(folder, "b", "one", path="" if moved else file_name("a"))
    assert await run(library, folder) == {"a": Kind.TO_LIBRARY}
    assert await in_library(library) == {"b": "one"}
    assert len(await library.versions("b")) == 1
    assert await run(library, folder) == {"b": Kind.EQUAL}


async def test_a_dry_run_says_the_same_and_does_nothing(library, folder):
    await create(library, "a", "one")
    write(folder, "b", "two")
    before = sorted(folder.rglob("*"))
    assert await run(library, folder, dry_run=True) == {"a": Kind.TO_DIRECTORY, "b": Kind.TO_LIBRARY}
    assert sorted(folder.rglob("*")) == before
    assert await in_library(library) == {"a": "one"}


async def test_one_bad_file_and_nothing_is_done(library, folder):
    await create(library, "a", "one")
    write(folder, "b", "two")
    (folder / "c.prompt.md").write_text("---\ncodetune: 1\n---\nU")
    with pytest.raises(PromptFileError, match=r"c\.prompt\.md:2"):
        await sync(library, folder, by="ada")
    assert await in_library(library) == {"a": "one"}
    assert in_files_but_bad(folder) == ["b.prompt.md", "c.prompt.md"]


def in_files_but_bad(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.prompt.md"))


async def test_a_template_that_cannot_be_rendered_is_a_bad_file(library, folder):
    write(folder, "a", "{{ nothing }}")
    with pytest.raises(PromptFileError, match="nothing"):
        await sync(library, folder, by="ada")


async def test_a_label_has_its_own_side_and_its_own_memory(library, folder, tmp_path):
    await synced(library, folder)
    version = await library.edit("a", wording("next"), by="ada")
    await library.deploy("a", version.number, label="staging", by="ada")
    assert await run(library, folder) == {"a": Kind.EQUAL}
    assert await run(library, folder, label="staging") == {"a": Kind.CONFLICT}
    staging = tmp_path / "staging"
    staging.mkdir()
    assert await run(library, staging, label="staging") == {"a": Kind.TO_DIRECTORY}
    write(staging, "a", "later")
    await run(library, staging, label="staging")
    assert (await library.choose("a", label="staging")).version.number == 3
    assert await in_library(library) == {"a": "one"}


async def test_a_prompt_with_nothing_under_the_label_is_left_out(library, folder):
    await library.create(PromptDraft(name="a"), wording("draft"), by="ada", deploy=False)
    assert await run(library, folder) == {}
    write(folder, "a", "done")
    assert await run(library, folder) == {"a": Kind.TO_LIBRARY}
    assert await in_library(library) == {"a": "done"}


async def test_a_running_experiment_is_not_ended_by_a_file(library, folder):
    await synced(library, folder)
    version = await library.edit("a", wording("two"), by="ada")
    await library.start_experiment("a", {1: 1.0, version.number: 1.0}, by="ada")
    assert await run(library, folder) == {"a": Kind.EQUAL}
    write(folder, "a", "three")
    (change,) = await sync(library, folder, by="ada")
    assert (change.kind, "stop it first" in change.detail) == (Kind.CONFLICT, True)
    await library.stop_experiment("a", by="ada")
    assert await run(library, folder) == {"a": Kind.TO_LIBRARY}


async def test_a_prompt_file_of_another_editor_is_read_and_never_rewritten(library, folder):
    path = folder / "form.prompt.md"
    path.write_text("---\nagent: agent\n---\nWrite ${input:name}.")
    assert await run(library, folder) == {"form": Kind.TO_LIBRARY}
    await edit(library, "form", "other")
    (change,) = await sync(library, folder, by="ada")
    assert (change.kind, "Visual Studio Code" in change.detail) == (Kind.CONFLICT, True)
    assert "agent: agent" in path.read_text()


async def test_a_hand_written_file_keeps_its_form_until_the_library_changes(library, folder):
    path = folder / "a.prompt.md"
    path.write_text("---\nname: a  # by hand\ncodetune: 1\n---\nHello\n")
    assert await run(library, folder) == {"a": Kind.TO_LIBRARY}
    assert await run(library, folder) == {"a": Kind.EQUAL}
    assert "# by hand" in path.read_text()


async def test_git_ignores_what_was_last_synced(library, folder):
    await synced(library, folder)
    assert (folder / FOLDER / ".gitignore").read_text() == "*\n"


async def test_two_libraries_may_share_a_folder(library, folder, sqlite_template, tmp_path):
    await synced(library, folder)
    other_file = tmp_path / "other.db"
    other_file.write_bytes(sqlite_template.read_bytes())
    async with Database(parse_url(f"sqlite:///{other_file}")) as database:
        other = PromptLibrary(SqlPromptStore(database))
        await create(other, "a", "different")
        changes = await sync(other, folder, by="bob")
        assert Kind.CONFLICT in {change.kind for change in changes}
        assert await in_library(other) == {"a": "different"}
    assert in_files(folder) == await in_library(library) == {"a": "one"}


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"format": 2}', '{"labels": {"production": {"x": {}}}}'])
async def test_a_damaged_memory_is_named(library, folder, damage):
    await synced(library, folder)
    (folder / FOLDER / "state.json").write_text(damage)
    with pytest.raises(PromptError, match=r"state\.json cannot be read; delete it"):
        await sync(library, folder, by="ada")


async def test_a_memory_that_somebody_sends_along_cannot_lead_out_of_the_folder(library, folder, tmp_path):
    await synced(library, folder)
    state = folder / FOLDER / "state.json"
    written = json.loads(state.read_text())
    ((prompt_id, base),) = written["labels"]["production"].items()
    written["labels"]["production"] = {prompt_id: {**base, "path": "../evil.prompt.md"}}
    state.write_text(json.dumps(written))
    (folder / file_name("a")).unlink()
    assert await run(library, folder) == {"a": Kind.DELETED_IN_DIRECTORY}
    assert not (tmp_path / "evil.prompt.md").exists()


@pytest.mark.parametrize("linked", [FOLDER, "a.prompt.md"])
async def test_a_link_out_of_the_folder_is_not_written_through(library, folder, tmp_path, linked):
    outside = tmp_path / "outside"
    outside.mkdir()
    (folder / linked).symlink_to(outside)
    await create(library, "a", "one")
    changes: list = []
    try:
        changes = await sync(library, folder, by="ada")
    except PromptError as error:
        assert "link" in str(error)  # noqa: PT017 - refused, or told as a conflict
    assert all(change.kind is Kind.CONFLICT for change in changes)
    assert list(outside.iterdir()) == []


ACTS = st.tuples(st.sampled_from(["file", "library", "delete", "move"]), st.sampled_from(["one", "two", "three"]))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.lists(ACTS, max_size=3), min_size=1, max_size=4))
def test_whatever_happens_between_syncs_no_wording_is_lost(sqlite_template, tmp_path_factory, rounds):
    asyncio.run(no_wording_is_lost(sqlite_template, tmp_path_factory.mktemp("sync"), rounds))


async def no_wording_is_lost(template: Path, place: Path, rounds: list[list[tuple[str, str]]]) -> None:
    """Play rounds of changes on both sides, a sync after each; what a dry run says is what happens."""
    folder = place / "prompts"
    folder.mkdir()
    shutil.copy(template, place / "codetune.db")
    async with Database(parse_url(f"sqlite:///{place / 'codetune.db'}")) as database:
        library = PromptLibrary(SqlPromptStore(database))
        await synced(library, folder)
        for acts in rounds:
            for act, text in acts:
                await play(library, folder, act, text)
            written, stood = in_files(folder), await in_library(library)
            foretold = await run(library, folder, dry_run=True)
            assert (in_files(folder), await in_library(library)) == (written, stood)
            assert await run(library, folder) == foretold
            kept = {version.wording.user_prompt_template for version in await library.versions("a")}
            assert set(written.values()) <= kept | set(in_files(folder).values())
            assert stood["a"] in kept
            if foretold["a"] in (Kind.CONFLICT, Kind.DELETED_IN_DIRECTORY):
                assert (in_files(folder), await in_library(library)) == (written, stood)
            else:
                assert in_files(folder) == await in_library(library)


async def play(library, folder: Path, act: str, text: str) -> None:
    found = next(folder.rglob("*.prompt.md"), None)
    if act == "file":
        write(folder, "a", text, path=found.relative_to(folder).as_posix() if found else "")
    elif act == "library":
        with contextlib.suppress(IdenticalVersion):
            await library.edit("a", wording(text), by="ada")
        numbers = {version.wording.user_prompt_template: version.number for version in await library.versions("a")}
        await library.deploy("a", numbers[text], by="ada")
    elif found and act == "delete":
        found.unlink()
    elif found:
        found.rename(folder / f"moved-{text}.prompt.md")


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", range(12))
async def test_killed_at_any_write_it_goes_on_where_it_was(library, folder, monkeypatch, step):
    """Every write of a sync, to the library or to the disk, is the last one in turn; the next sync makes it good."""
    await synced(library, folder, "old", "one")
    await synced(library, folder, "back", "one")
    await create(library, "fresh", "one")
    await edit(library, "old", "two")
    write(folder, "back", "two")
    write(folder, "new", "one")
    writes = iter(range(100))

    def dying(act):
        if next(writes) == step:
            raise Killed
        return act

    for name in ("create", "add_version", "append", "describe"):
        act = getattr(library._store, name)
        monkeypatch.setattr(library._store, name, lambda *given, act=act, **more: dying(act)(*given, **more))
    for module in (syncing, sync_state):
        act = module.write_inside
        monkeypatch.setattr(module, "write_inside", lambda *given, act=act: dying(act)(*given))
    ended = False
    try:
        await sync(library, folder, by="ada")
        ended = True
    except Killed:
        pass
    assert ended == (step >= 10)
    monkeypatch.undo()
    kinds = await run(library, folder)
    assert Kind.CONFLICT not in kinds.values()
    assert set((await run(library, folder)).values()) == {Kind.EQUAL}
    everything = {"old": "two", "back": "two", "fresh": "one", "new": "one"}
    assert in_files(folder) == await in_library(library) == everything
    assert len(await library.versions("back")) == 2


async def test_a_file_changed_while_it_is_synced_is_left(library, folder, monkeypatch):
    await synced(library, folder)
    await edit(library, "a", "two")
    states = library.states

    async def and_meanwhile(name):
        write(folder, "a", "typed just now")
        return await states(name)

    monkeypatch.setattr(library, "states", and_meanwhile)
    with pytest.raises(PromptError, match="changed while it was synced"):
        await sync(library, folder, by="ada")
    assert in_files(folder) == {"a": "typed just now"}


async def test_a_version_deployed_while_it_is_synced_stays(library, folder, monkeypatch):
    await synced(library, folder)
    write(folder, "a", "mine")
    states = library.states
    looks = iter(range(10))

    async def and_meanwhile(name):
        if next(looks) == 1:
            monkeypatch.setattr(library, "states", states)
            await edit(library, "a", "deployed just now")
        return await states(name)

    monkeypatch.setattr(library, "states", and_meanwhile)
    with pytest.raises(PromptError, match="was deployed while it was synced"):
        await sync(library, folder, by="ada")
    assert await in_library(library) == {"a": "deployed just now"}
    assert await run(library, folder) == {"a": Kind.CONFLICT}


async def test_a_folder_that_is_not_there_is_made(library, folder):
    await create(library, "a", "one")
    assert await run(library, folder / "new" / "deep") == {"a": Kind.TO_DIRECTORY}
    assert in_files(folder / "new") == {"a": "one"}
