"""``codetune prompts clone``, ``archive``, ``restore`` and ``purge``."""

import pytest


def test_a_clone_starts_as_its_source_and_goes_its_own_way(ask, check, mine, prompt):
    check("clone", mine, "yours", says="yours starts as a copy of mine")
    content = ask("show", "yours")
    assert content["shown"]["wording"] == ask("show", mine)["shown"]["wording"]
    assert (content["labels"], content["versions"][0]["notes"]) == ({"production": 1}, "cloned from mine, version 1")
    check("edit", "yours", "--file", prompt("three"), code=2, says="an active prompt has this name")
    assert len(ask("show", "yours")["versions"]) == 1
    check("edit", "yours", "--file", "-", text=prompt("three").read_text().replace("name: mine", "name: yours"))
    assert len(ask("show", mine)["versions"]) == 2


def test_a_clone_may_start_from_an_older_or_newer_version(ask, check, mine):
    assert ask("clone", "mine@2", "yours")["prompt"]["name"] == "yours"
    assert ask("show", "yours")["shown"]["wording"]["user_prompt_template"].startswith("Explain this.")
    check("clone", mine, "yours", code=2, says="an active prompt has this name")
    check("clone", mine, "a@b", code=2, says="a name is at most 200 letters")


def test_an_archived_prompt_runs_no_more_and_comes_back_whole(ask, check, mine):
    check("archive", mine, says="`codetune prompts restore mine` brings it back")
    check("deploy", mine, 2, code=2, says="archived")
    assert ask("show", mine)["active"] is False
    check("restore", mine, says="mine is back")
    assert ask("show", mine)["labels"] == {"production": 1}
    check("restore", mine, code=2, says="no archived prompt is named 'mine'")


def test_a_purge_asks_and_without_a_terminal_wants_to_be_told(ask, check, mine):
    check("purge", mine, code=2, says="say --yes")
    assert len(ask("show", mine)["versions"]) == 2
    check("purge", mine, "--yes", says="mine is deleted")
    check("show", mine, code=2, says="there is no prompt 'mine'")


@pytest.mark.parametrize(("answer", "is_there"), [("\n", True), ("y\n", False)])
def test_a_purge_is_done_only_for_a_yes(terminal, mine, ask, answer, is_there):
    said, code = terminal("purge", mine, answer=answer, expects="for good?")
    assert code == 0, said
    assert "with all its versions" in said
    names = [prompt["name"] for prompt in ask("list")["prompts"]]
    assert (mine in names) is is_there
