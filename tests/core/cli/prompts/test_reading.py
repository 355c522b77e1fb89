"""``codetune prompts list``, ``show`` and ``log``."""

import datetime as dt
import re

import pytest
from click.testing import CliRunner

from codetune_core.cli.main import main
from codetune_core.cli.prompts import as_text, group
from codetune_core.domain.identifiers import new_id
from codetune_core.domain.prompt import Prompt, PromptDraft


def names(content):
    return [prompt["name"] for prompt in content["prompts"]]


def test_the_library_begins_with_the_starter_prompts(ask, check):
    content = ask("list")
    assert len(content["prompts"]) >= 16
    assert names(content) == sorted(names(content))
    assert all(prompt["in_production"] and prompt["active"] for prompt in content["prompts"])
    lines = check("list").splitlines()
    assert len(lines) == len(content["prompts"]) + 1
    assert lines[0].split() == ["name", "category", "production", "runs", "success", "time", "tags"]


def test_a_list_is_filtered_by_category_and_by_all_tags_given(ask, check, mine, prompt):
    tagged = prompt("one").read_text().replace("[short]", "[short, new]")
    check("new", "other", "--file", "-", text=tagged)
    assert names(ask("list", "--tag", "short")) == ["mine", "other"]
    assert names(ask("list", "--tag", "short", "--tag", "new")) == ["other"]
    assert names(ask("list", "--tag", "short", "--category", "testing")) == []
    assert {"mine", "other"} <= set(names(ask("list", "--category", "explanation")))
    check("list", "--tag", "nobody-has-this", says="no such prompt")
    check("list", "--category", "poetry", code=2, says="'security'")


def test_archived_prompts_are_listed_apart(ask, check, mine):
    check("archive", mine)
    assert mine not in names(ask("list"))
    assert mine in names(ask("list", "--archived"))


def test_show_says_everything_of_the_version_in_production(ask, check, mine):
    content = ask("show", mine)
    assert content["labels"] == {"production": 1}
    assert content["shown"]["number"] == 1
    assert content["shown"]["labels"] == ["production"]
    assert content["shown"]["wording"]["user_prompt_template"].startswith("What does this do?")
    assert [(version["number"], version["notes"]) for version in content["versions"]] == [(2, "second"), (1, "first")]
    text = check("show", mine)
    for words in ("Says what code does.", "explanation", "deployed: production 1", "variable code: code, required",
                  "variable depth: integer, default 2", "What does this do?", "second", "runs: none"):  # fmt: skip
        assert words in text


def test_show_takes_a_version(ask, check, mine):
    assert ask("show", "mine@2")["shown"]["wording"]["user_prompt_template"].startswith("Explain this.")
    check("show", "mine@3", code=2, says="it has versions 1 to 2")
    check("show", "mine@x", code=2, says="write mine@ and a number")
    check("show", "mien", code=2, says="did you mean 'mine'?")


def test_what_a_prompt_holds_cannot_steer_the_terminal(check, library):
    (library / "bad.prompt.md").write_text(
        '---\ncodetune: 1\nname: bad\ndescription: "a\\e[31m\\u202eb"\n---\n\n=== user ===\n\nhi \x1b[2J\u202e there\n'
    )
    check("new", "bad", "--file", "bad.prompt.md", "-m", "\x1b]0;title\x07")
    for shown in (check("show", "bad"), check("list"), check("log", "bad")):
        assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", shown)
    assert "<U+202E>" in check("show", "bad")


@pytest.mark.parametrize(
    ("width", "last"), [(200, "tags"), (100, "time"), (85, "success"), (75, "runs"), (40, "name"), (20, "name")]
)
def test_a_narrow_terminal_gets_the_most_important_columns_and_every_line_fits(width, last):
    console = as_text.console()
    console.width = width
    draft = PromptDraft(name="a-name-of-33-characters-in-a-list", category="question_answering", tags=("tag",) * 9)
    prompt = Prompt(new_id(), draft, dt.datetime.now(dt.UTC), "ann", is_active=True, current_version_id=new_id())
    with console.capture() as capture:
        console.print(as_text.prompts_table([prompt], console))
    lines = capture.get().splitlines()
    assert lines[0].split()[-1] == last
    assert max(len(line) for line in lines) <= width
    assert "".join(line.strip() for line in lines[1:]).startswith(draft.name)


def test_without_a_terminal_nothing_is_coloured_or_wrapped(check, mine, prompt):
    check("edit", mine, "--file", "-", text=prompt("one").read_text().replace("What", "What " * 200))
    text = check("show", "mine@3")
    assert "\x1b" not in text
    assert any(line.count("What") == 200 for line in text.splitlines())


def test_the_log_shows_every_deployment_the_newest_first(ask, check, mine):
    check("deploy", mine, 2, "-m", "shorter")
    check("rollback", mine, "-m", "worse")
    entries = ask("log", mine)["entries"]
    assert [(entry["action"], entry["version"], entry["reason"]) for entry in entries] == [
        ("rollback", 1, "worse"), ("deploy", 2, "shorter"), ("deploy", 1, "first"),
    ]  # fmt: skip
    text = check("log", mine)
    assert text.index("worse") < text.index("shorter")


def test_the_log_says_what_ran_on_a_day_and_at_a_moment(ask, check, mine):
    deployed = ask("deploy", mine, 2)["entry"]["at"]
    first = ask("log", mine)["entries"][-1]["at"]
    on_the_day = ask("log", mine, "--at", first[:10])["entries"]
    assert [entry["version"] for entry in on_the_day] == ([2, 1] if deployed[:10] == first[:10] else [1])
    assert [entry["version"] for entry in ask("log", mine, "--at", first)["entries"]] == [1]
    later = (dt.datetime.now(dt.UTC) + dt.timedelta(days=2)).date().isoformat()
    assert [entry["version"] for entry in ask("log", mine, "--at", later)["entries"]] == [2]
    assert ask("log", mine, "--at", "2020-01-01")["entries"] == []
    check("log", mine, "--at", "2020-01-01", says="nothing was deployed then")
    check("log", mine, "--at", "yesterday", code=2, says="is no time")
    assert [entry["version"] for entry in ask("log", mine, "--at", "9999-12-31")["entries"]] == [2]
    assert ask("log", mine, "--at", first[:10].replace("-", ""))["entries"] == on_the_day
    check("deploy", mine, 1, "--label", "staging")
    today = ask("log", mine)["entries"][0]["at"][:10]
    assert {entry["label"] for entry in ask("log", mine, "--at", today)["entries"]} == {"production", "staging"}
    assert {entry["label"] for entry in ask("log", mine, "--at", today, "--label", "staging")["entries"]} == {"staging"}


def test_the_log_may_be_of_one_label(ask, check, mine):
    check("deploy", mine, 2, "--label", "staging")
    assert [entry["label"] for entry in ask("log", mine, "--label", "staging")["entries"]] == ["staging"]
    assert {entry["label"] for entry in ask("log", mine)["entries"]} == {"staging", "production"}


@pytest.mark.parametrize("name", group._COMMANDS)
def test_every_subcommand_explains_itself_as_the_list_says(name):
    command = group.prompts.get_command(None, name)
    result = CliRunner().invoke(main, ["prompts", name, "--help"])
    assert result.exit_code == 0, result.output
    assert command.name == name
    assert command.get_short_help_str(100) == group._COMMANDS[name][1]
    listed = CliRunner().invoke(main, ["prompts", "--help"]).output
    assert group._COMMANDS[name][1] in listed


def test_an_unknown_subcommand_is_a_mistake():
    result = CliRunner().invoke(main, ["prompts", "frobnicate"])
    assert result.exit_code == 2
    assert "No such command" in result.output


def test_on_a_narrow_terminal_dates_are_not_broken(terminal, mine, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    said, _ = terminal("log", mine, answer="", expects="production")
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +production +deploy", said)
