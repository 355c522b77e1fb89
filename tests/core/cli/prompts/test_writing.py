"""``codetune prompts new`` and ``edit``: from files, the standard input and a real editor."""

from pathlib import Path

import pytest


def versions(ask, name="mine"):
    return len(ask("show", name)["versions"])


def test_a_new_prompt_runs_in_production_at_once(ask, check, library, prompt):
    check("new", "mine", "--file", prompt("one"), says="mine: version 1 runs in production")
    assert ask("show", "mine")["labels"] == {"production": 1}


def test_a_new_prompt_may_wait(ask, check, prompt):
    check("new", "mine", "--file", prompt("one"), "--no-deploy", says="`codetune prompts deploy mine 1` lets it run")
    assert ask("show", "mine")["labels"] == {}


def test_the_name_on_the_command_line_goes_before_the_one_in_the_file(ask, check, prompt):
    check("new", "other", "--file", prompt("one"))
    assert ask("show", "other")["name"] == "other"


def test_a_prompt_is_read_from_the_standard_input(ask, check, prompt):
    check("new", "mine", "--file", "-", text=prompt("one").read_text(), says="version 1")
    check("edit", "mine", "--file", "-", text=prompt("two").read_text(), says="version 2")
    assert versions(ask) == 2


def test_scripts_learn_what_was_written(ask, prompt):
    content = ask("new", "mine", "--file", prompt("one"), "-m", "why")
    assert content["prompt"]["name"] == "mine"
    assert content["version"].items() >= {"number": 1, "notes": "why", "labels": ["production"]}.items()
    assert ask("edit", "mine", "--file", prompt("two"))["version"].items() >= {"number": 2, "labels": []}.items()


def test_a_name_that_is_taken_is_refused(check, mine, prompt):
    check("new", "mine", "--file", prompt("three"), code=2, says="an active prompt has this name")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("---\ncodetune: 1\ntemprature: 1\n---\n\n=== user ===\n\nhi\n", "did you mean 'temperature'?"),
        ("---\ncodetune: 1\nname: x\n---\n\n=== user ===\n\n{{ nobody }}\n", "nobody is used but not declared"),
        ("---\ncodetune: 1\nname: x\n---\n\n=== user ===\n\n{% if %}\n", "user's template"),
        ("---\ncodetune: 1\nname: x\n---\n", "no text under"),
    ],
)
def test_what_is_no_prompt_is_refused_with_its_line_or_reason(check, ask, mine, wrong, says):
    check("new", "x", "--file", "-", text=wrong, code=2, says=says)
    check("edit", "mine", "--file", "-", text=wrong, code=2, says=says)
    assert versions(ask) == 2


@pytest.mark.parametrize("name", ["", "a@b", "../x", "a\nb", "n" * 201, " a"])
def test_a_name_that_no_prompt_can_have_is_refused_before_anything_is_read(check, editor, name):
    runs = editor("")
    check("new", name, code=2, says="a name is at most 200 letters")
    assert not runs.exists()


def test_what_is_not_utf_8_is_refused(check, library, run):
    (library / "latin.prompt.md").write_bytes(b"caf\xe9")
    check("new", "x", "--file", "latin.prompt.md", code=2, says="not UTF-8")
    result = run("prompts", "new", "x", "--file", "-", text=b"caf\xe9")
    assert (result.exit_code, "standard input: not UTF-8 (byte 4)" in result.output) == (2, True)


def test_an_edit_says_how_to_let_it_run(check, mine, prompt):
    check("edit", mine, "--file", prompt("three"), says="`codetune prompts deploy mine 3` lets it run in production")


def test_an_edit_may_run_at_once(ask, check, mine, prompt):
    check("edit", mine, "--file", prompt("three"), "--deploy", says="version 3 runs in production")
    assert ask("show", mine)["labels"] == {"production": 3}


def test_a_wording_that_exists_is_refused_with_its_number(ask, check, mine, prompt):
    check("edit", mine, "--file", prompt("two"), code=2, says="codetune prompts deploy mine 2")
    assert versions(ask) == 2


def test_an_edit_that_changes_nothing_says_so(ask, check, mine, prompt):
    check("edit", mine, "--file", prompt("one"), says="nothing was changed")
    assert versions(ask) == 2


def test_what_describes_a_prompt_changes_without_a_version(ask, check, mine, prompt, library):
    text = prompt("one").read_text().replace("Says what code does.", "Explains.").replace("name: mine", "name: yours")
    (library / "named.prompt.md").write_text(text)
    check("edit", mine, "--file", "named.prompt.md")
    content = ask("show", "yours")
    assert (content["description"], len(content["versions"])) == ("Explains.", 2)


def test_a_file_of_another_format_changes_the_wording_and_nothing_else(ask, check, mine, library):
    (library / "code.prompt.md").write_text("---\ndescription: theirs\nmode: agent\n---\nSay hello to ${input:name}.\n")
    check("edit", mine, "--file", "code.prompt.md", says="notice:")
    content = ask("show", "mine@3")
    assert (content["description"], content["tags"]) == ("Says what code does.", ["short"])
    assert "Say hello to" in content["shown"]["wording"]["user_prompt_template"]


def test_the_editor_opens_on_the_version_in_production(ask, check, mine, editor):
    editor("path.write_text(text.replace('What does this do?', 'What is this for?'))")
    check("edit", mine, "-m", "clearer", says="version 3")
    content = ask("show", "mine@3")
    assert content["shown"]["wording"]["user_prompt_template"].startswith("What is this for?")
    assert content["shown"]["notes"] == "clearer"


def test_the_editor_may_open_on_another_version(ask, check, mine, editor):
    editor("path.write_text(text.replace('Explain this.', 'Explain that.'))")
    check("edit", "mine@2")
    assert ask("show", "mine@3")["shown"]["wording"]["user_prompt_template"].startswith("Explain that.")


def test_the_editor_opens_on_an_example_that_is_a_prompt_once_changed(ask, check, editor):
    editor("path.write_text(text.replace('Explain this code', 'Explain this regular expression'))")
    check("new", "explain-regex", says="explain-regex: version 1 runs in production")
    assert "regular expression" in ask("show", "explain-regex")["shown"]["wording"]["user_prompt_template"]


@pytest.mark.parametrize("arguments", [("edit", "mine"), ("new", "another")])
def test_an_editor_closed_without_a_change_writes_nothing(ask, check, mine, editor, arguments):
    editor("")
    check(*arguments, says="nothing was changed")
    assert versions(ask) == 2
    check("show", "another", code=2)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("path.write_text('my long work')", "with 'codetune: 1'"),
        ("path.write_text(text.replace('{{ code }}', '{{ cod }}') + 'my long work')", "did you mean code?"),
        ("path.write_text(text.replace('What does this do?', 'Explain this.'))", "deploy mine 2"),
        ("path.write_text(text + 'my long work'); sys.exit(1)", "set EDITOR"),
    ],
)
def test_what_was_written_is_kept_when_it_is_refused(mine, editor, run, code, says):
    editor(code)
    result = run("prompts", "edit", mine)
    assert (result.exit_code, says in result.output) == (2, True), result.output
    kept = Path(result.stderr.split("your text is kept in ")[1].splitlines()[0])
    assert "my long work" in kept.read_text() or "Explain this." in kept.read_text()
    kept.unlink()
    kept.parent.rmdir()


def test_on_a_terminal_a_refused_text_can_be_edited_again(ask, mine, editor, prompt, terminal):
    good = prompt("three").read_text()
    runs = editor(f"path.write_text('my long work' if len(runs.read_text()) == 1 else text * 0 + {good!r})")
    said, code = terminal("edit", mine, answer="\n", expects="Edit it again?")
    assert (code, runs.read_text()) == (0, ".."), said
    assert "with 'codetune: 1'" in said
    assert versions(ask) == 3


def test_without_an_editor_the_command_says_what_to_set(check, mine, monkeypatch):
    monkeypatch.setenv("VISUAL", "/no/such/editor")
    check("edit", mine, code=2, says="set EDITOR to a program")
