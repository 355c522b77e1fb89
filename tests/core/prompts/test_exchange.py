"""Prompts leave as files that any file system takes, and come in only when all of them are good."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codetune_core.domain.prompt import PromptDraft, Wording
from codetune_core.errors import PromptError, PromptFileError, PromptNotFound
from codetune_core.prompts.exchange import Outcome, export_prompts, file_name, import_prompts
from codetune_core.prompts.files import SUFFIX, load_prompt, write_prompt
from codetune_core.prompts.library import PromptLibrary
from codetune_core.storage.prompt_store import SqlPromptStore


@pytest.fixture
def library(database):
    return PromptLibrary(SqlPromptStore(database))


def wording(text: str) -> Wording:
    return Wording(user_prompt_template=text)


async def add(library, name: str, *texts: str) -> None:
    """A prompt with a version for each text, the first one in production."""
    await library.create(PromptDraft(name=name), wording(texts[0]), by="ada")
    for text in texts[1:]:
        await library.edit(name, wording(text), by="ada")


def put(folder, name: str, text: str = "Hello", **described):
    path = folder / f"{name}{SUFFIX}"
    path.write_text(write_prompt(PromptDraft(name=name, **described), wording(text)))
    return path


async def outcomes(work) -> list[tuple[str, Outcome, int]]:
    return [(transfer.name, transfer.outcome, transfer.version) for transfer in await work]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("review", "review"), ("a-b_c.d", "a-b_c.d"), ("2", "2"), ("x" * 80, "x" * 80)],
)
def test_a_plain_name_names_its_file(name, expected):
    assert file_name(name) == f"{expected}{SUFFIX}"


@pytest.mark.parametrize(
    "name",
    ["Review", "a/b", "a:b", "a b", "con", "CON", "nul.x", "com1", "été", "日本", "_x", "a.", "a..b", "x" * 81, "-"],
)
def test_a_name_that_some_file_system_refuses_is_brought_to_one_that_all_take(name):
    found = file_name(name)
    assert set(found) <= set(string.ascii_lowercase + string.digits + "-_.~")
    assert "~" in found
    assert len(found) <= 105
    assert not found.startswith((".", "-"))


NAMES = st.text("aAbBéÉ-_. /:~12cConNULß", min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@given(NAMES, NAMES)
def test_no_two_names_share_a_file_even_where_case_does_not_count(one, other):
    assert (file_name(one).casefold() == file_name(other).casefold()) == (one == other)


async def test_an_export_writes_what_is_in_production_one_file_a_prompt(library, tmp_path):
    await add(library, "a", "one", "two")
    await add(library, "B b", "three")
    assert await outcomes(export_prompts(library, tmp_path / "new" / "folder")) == [
        ("B b", Outcome.CREATED, 1), ("a", Outcome.CREATED, 1),
    ]  # fmt: skip
    files = sorted((tmp_path / "new" / "folder").iterdir())
    assert [load_prompt(path).wording.user_prompt_template for path in files] == ["one", "three"]


async def test_an_export_of_a_number_or_a_label_writes_that_version(library, tmp_path):
    await add(library, "a", "one", "two", "three")
    await library.deploy("a", 2, label="staging", by="ada")
    assert await outcomes(export_prompts(library, tmp_path / "1", ["a"], number=3)) == [("a", Outcome.CREATED, 3)]
    assert await outcomes(export_prompts(library, tmp_path / "2", ["a"], label="staging")) == [
        ("a", Outcome.CREATED, 2)
    ]


async def test_an_export_where_nothing_is_deployed_writes_the_newest(library, tmp_path):
    await library.create(PromptDraft(name="a"), wording("one"), by="ada", deploy=False)
    await library.edit("a", wording("two"), by="ada")
    assert await outcomes(export_prompts(library, tmp_path)) == [("a", Outcome.CREATED, 2)]


async def test_an_export_leaves_a_file_that_says_something_else_unless_told(library, tmp_path):
    await add(library, "a", "one")
    path = put(tmp_path, "a", "mine")
    assert await outcomes(export_prompts(library, tmp_path)) == [("a", Outcome.KEPT, 1)]
    assert load_prompt(path).wording.user_prompt_template == "mine"
    assert await outcomes(export_prompts(library, tmp_path, overwrite=True)) == [("a", Outcome.REPLACED, 1)]
    assert await outcomes(export_prompts(library, tmp_path)) == [("a", Outcome.IDENTICAL, 1)]
    path.write_bytes(b"\xff")
    assert await outcomes(export_prompts(library, tmp_path)) == [("a", Outcome.KEPT, 1)]


async def test_an_export_of_an_unknown_prompt_writes_nothing(library, tmp_path):
    await add(library, "a", "one")
    with pytest.raises(PromptNotFound):
        await export_prompts(library, tmp_path / "x", ["a", "b"])
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("overwrite", [True, False])
async def test_an_export_never_writes_through_a_link(library, tmp_path, overwrite):
    outside = tmp_path / "outside"
    outside.write_text("precious")
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / f"a{SUFFIX}").symlink_to(outside)
    await add(library, "a", "one")
    if overwrite:
        with pytest.raises(PromptError, match="is a link"):
            await export_prompts(library, folder, overwrite=True)
    else:
        assert await outcomes(export_prompts(library, folder)) == [("a", Outcome.KEPT, 1)]
    assert outside.read_text() == "precious"
    assert (folder / f"a{SUFFIX}").is_symlink()


async def test_a_file_in_the_way_of_the_folder_is_named(library, tmp_path):
    await add(library, "a", "one")
    (tmp_path / "x").write_text("")
    with pytest.raises(PromptError, match="cannot be written"):
        await export_prompts(library, tmp_path / "x")


async def test_an_import_adds_prompts_and_versions_and_says_what_was_there(library, tmp_path):
    await add(library, "old", "one")
    await add(library, "same", "Hello")
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    put(folder, "new")
    put(tmp_path, "old", "two")
    put(tmp_path, "same")
    assert await outcomes(import_prompts(library, [tmp_path], by="bob", notes="from git")) == [
        ("new", Outcome.CREATED, 1), ("old", Outcome.ADDED, 2), ("same", Outcome.IDENTICAL, 1),
    ]  # fmt: skip
    version = await library.version("old", 2)
    assert (version.created_by, version.change_notes, version.is_deployed) == ("bob", "from git", False)
    assert await library.states("new") == {}


async def test_an_import_with_a_label_deploys_what_it_read_even_an_older_version(library, tmp_path):
    await add(library, "a", "one", "two")
    await library.deploy("a", 2, by="ada")
    await import_prompts(library, [put(tmp_path, "a", "one")], by="bob", label="production")
    assert (await library.choose("a")).version.number == 1
    await import_prompts(library, [put(tmp_path, "b", "new")], by="bob", label="staging")
    assert (await library.choose("b", label="staging")).version.number == 1


async def test_an_import_takes_over_what_describes_a_prompt(library, tmp_path):
    await add(library, "a", "Hello")
    await import_prompts(library, [put(tmp_path, "a", description="New.", tags=("x",))], by="bob")
    draft = (await library.show("a")).draft
    assert (draft.description, draft.tags) == ("New.", ("x",))


async def test_importing_twice_is_importing_once(library, tmp_path):
    path = put(tmp_path, "a")
    assert await outcomes(import_prompts(library, [path, tmp_path], by="bob")) == [("a", Outcome.CREATED, 1)]
    assert await outcomes(import_prompts(library, [path], by="bob")) == [("a", Outcome.IDENTICAL, 1)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("---\ncodetune: 1\nname: b\ntemprature: 1\n---\nU", "did you mean 'temperature'"),
        ("---\ncodetune: 1\nname: b\n---\n{{ code }}", "code"),
        ("---\ncodetune: 1\nname: b\n---\n{% if %}", "template"),
        ("---\ncodetune: 1\nname: b\ndecoding:\n  output_schema: nothing\n---\nU", "nothing"),
        ("---\ncodetune: 1\nname: a\n---\nU", "is named 'a' too"),
        ('---\ncodetune: 1\nname: b\ndescription: "\\0"\n---\nU', "NUL"),
    ],
)
async def test_one_bad_file_and_nothing_changes(library, tmp_path, text, said):
    put(tmp_path, "a")
    put(tmp_path, "z")
    (tmp_path / f"bad{SUFFIX}").write_text(text)
    with pytest.raises(PromptFileError, match=said) as caught:
        await import_prompts(library, [tmp_path], by="bob")
    assert f"bad{SUFFIX}" in str(caught.value)
    assert await library.list() == []


async def test_all_bad_files_are_named_at_once(library, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}{SUFFIX}").write_text("---\n")
    with pytest.raises(PromptFileError) as caught:
        await import_prompts(library, [tmp_path, tmp_path / "missing"], by="bob")
    assert all(name in str(caught.value) for name in (f"a{SUFFIX}:1", f"b{SUFFIX}:1", "missing: cannot be read"))


async def test_a_link_that_leads_out_of_an_imported_folder_is_refused(library, tmp_path):
    folder = tmp_path / "prompts"
    folder.mkdir()
    (folder / f"a{SUFFIX}").symlink_to(put(tmp_path, "a"))
    with pytest.raises(PromptFileError, match="leads out of"):
        await import_prompts(library, [folder], by="bob")


async def test_hidden_folders_are_not_imported(library, tmp_path):
    (tmp_path / ".git").mkdir()
    put(tmp_path / ".git", "a")
    assert await import_prompts(library, [tmp_path], by="bob") == []


async def test_an_odd_wording_is_imported_with_a_note(library, tmp_path):
    path = tmp_path / f"a{SUFFIX}"
    path.write_text("---\ncodetune: 1\nname: a\nvariables:\n  topic:\n    type: line\n---\nHello")
    (transfer,) = await import_prompts(library, [path], by="bob")
    assert transfer.notes == ("topic is declared and never used",)


async def test_what_is_exported_and_imported_elsewhere_is_the_same(library, tmp_path):
    await add(library, "a", "one\r\n  \n=== user ===\n")
    await export_prompts(library, tmp_path)
    assert await outcomes(import_prompts(library, [tmp_path], by="bob")) == [("a", Outcome.IDENTICAL, 1)]
