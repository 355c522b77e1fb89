"""``codetune prompts import``, ``export`` and ``sync``."""

import pytest


def outcomes(content):
    return [(each["prompt"], each["outcome"]) for each in content["prompts"]]


def test_all_prompts_go_out_and_come_back_as_they_were(ask, check, mine):
    written = ask("export", "out")
    assert len(written["prompts"]) == len(ask("list")["prompts"])
    assert {outcome for _, outcome in outcomes(written)} == {"created"}
    assert {outcome for _, outcome in outcomes(ask("import", "out"))} == {"identical"}
    assert {outcome for _, outcome in outcomes(ask("export", "out"))} == {"identical"}


def test_one_prompt_goes_to_the_standard_output(check, mine, library):
    text = check("export", "-", mine)
    assert text.startswith("---\ncodetune: 1\nname: mine\n")
    assert "Explain this." in check("export", "-", "mine@2")
    check("new", "copy", "--file", "-", text=text, says="copy: version 1")
    check("export", "-", code=2, says="name it")


def test_a_file_that_says_something_else_is_kept_and_told(ask, check, mine, library):
    check("export", "out", mine)
    path = library / "out" / "mine.prompt.md"
    path.write_text(path.read_text().replace("What does", "What on earth does"))
    assert outcomes(ask("export", "out", mine, code=1)) == [(mine, "kept")]
    check("export", "out", mine, code=1, says="left as it is")
    assert "on earth" in path.read_text()
    assert outcomes(ask("export", "out", mine, "--overwrite")) == [(mine, "replaced")]


def test_an_import_adds_versions_and_deploys_only_where_told(ask, check, mine, prompt):
    assert outcomes(ask("import", prompt("three"))) == [(mine, "added")]
    assert ask("show", mine)["labels"] == {"production": 1}
    ask("import", prompt("three"), "--label", "staging")
    assert ask("show", mine)["labels"] == {"production": 1, "staging": 3}


def test_one_bad_file_and_nothing_is_imported(ask, check, mine, prompt, library):
    (library / "bad.prompt.md").write_text("---\ncodetune: 2\n---\n")
    check("import", prompt("three"), "bad.prompt.md", code=2, says="bad.prompt.md:2")
    assert len(ask("show", mine)["versions"]) == 2
    check("import", "nowhere", code=2, says="does not exist")


@pytest.fixture
def synced(check, mine, library):
    """A directory with all prompts in it, equal to the library."""
    (library / "dir").mkdir()
    check("sync", "dir")
    return library / "dir" / "mine.prompt.md"


def test_a_directory_that_is_not_there_is_made_and_that_is_said(check, run, mine, library):
    check("sync", "new/prompts", "--dry-run", says="it would be made")
    assert not (library / "new").exists()
    check("sync", "new/prompts", says="there is no new/prompts yet: it is made")
    assert (library / "new" / "prompts" / "mine.prompt.md").is_file()
    assert "there is no" not in run("prompts", "sync", "new/prompts").output
    (library / "file").write_text("")
    check("sync", "file/below", code=2, says="file/below cannot be made: not a directory")
    check("sync", "file", code=2, says="is a file")


def kinds(content, name="mine"):
    return [change["kind"] for change in content["changes"] if change["prompt"] == name]


def test_what_changed_on_one_side_goes_to_the_other(ask, check, mine, synced):
    assert kinds(ask("sync", "dir")) == ["equal"]
    synced.write_text(synced.read_text().replace("What does", "What on earth does"))
    assert kinds(ask("sync", "dir", "--dry-run")) == ["to_library"]
    assert ask("show", mine)["labels"] == {"production": 1}
    check("sync", "dir", says="1 brought over")
    assert ask("show", mine)["labels"] == {"production": 3}
    check("deploy", mine, 2)
    assert kinds(ask("sync", "dir")) == ["to_directory"]
    assert "Explain this." in synced.read_text()


def test_what_changed_on_both_sides_is_shown_and_left_alone(ask, check, mine, synced):
    text = synced.read_text().replace("What does", "What on earth does")
    synced.write_text(text)
    check("deploy", mine, 2)
    content = ask("sync", "dir", code=1)
    assert kinds(content) == ["conflict"]
    shown = check("sync", "dir", code=1, says="1 to settle")
    assert "+What on earth does this do?" in shown
    assert "+Explain this." in shown
    assert synced.read_text() == text
    assert ask("show", mine)["labels"] == {"production": 2}


def test_what_is_gone_on_one_side_is_told_and_not_deleted_on_the_other(ask, check, mine, synced):
    synced.unlink()
    assert kinds(ask("sync", "dir", code=1)) == ["deleted_in_directory"]
    assert ask("show", mine)["active"]
