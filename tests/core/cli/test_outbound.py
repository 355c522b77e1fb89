"""``codetune outbound`` as a person or a script sees it."""

import json

import pytest
from click.testing import CliRunner

from codetune_core.cli.main import main
from codetune_core.outbound.ledger import Entry, Ledger, ledger_folder


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Run a subcommand; its exit code, standard output and standard error."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        result = CliRunner().invoke(main, ["outbound", *arguments])
        return result.exit_code, result.stdout, result.stderr

    return run


def left(to="https://api.openai.com", **known) -> Entry:
    ledger = Ledger(ledger_folder(), 90)
    values = {"destination": to, "method": "POST", "path": "/v1/chat/completions", "bytes": 1234, "sha256": "ab" * 32}
    entry = ledger.begin(lambda name, at: Entry(id=name, at=at, **{**values, **known}))
    ledger.end(entry, "200", 41.7)
    return entry


def test_where_nothing_left_it_says_so(check):
    assert check("list") == (0, "", "there is no record of anything that left this machine\n")
    assert check("list", "--format", "json")[:2] == (0, "[]\n")


def test_the_list_has_a_line_for_each_the_newest_first(check):
    first = left(purpose="review", prompt="review-code", replaced={"jwt": 1, "password": 2})
    second = left("https://team.example", bytes=0)
    code, out, _ = check("list")
    head, newest, oldest = out.splitlines()
    assert code == 0
    assert head.split() == ["id", "when", "(UTC)", "to", "for", "bytes", "replaced", "outcome"]
    assert newest.split()[0] == second.id
    assert oldest.split()[0] == first.id
    assert oldest.split()[3:] == ["https://api.openai.com", "review/review-code", "1,234", "3", "200"]


def test_it_can_be_narrowed(check):
    left()
    other = left("https://team.example")
    assert [entry["id"] for entry in json.loads(check("list", "--to", "team", "--format", "json")[1])] == [other.id]
    assert [entry["id"] for entry in json.loads(check("list", "--limit", "1", "--format", "json")[1])] == [other.id]
    assert json.loads(check("list", "--since", "2999-01-01", "--format", "json")[1]) == []


def test_one_is_shown_with_all_that_is_known_of_it(check):
    entry = left(
        purpose="review", prompt="p\x1b[31m", execution="e-77", workspace="shop", replaced={"jwt": 1, "aws-key": 2}
    )
    for name in (entry.id, "e-77"):
        code, out, _ = check("show", name)
        assert code == 0
        assert "to:           POST https://api.openai.com/v1/chat/completions\n" in out
        assert "replaced:     2 aws-key, 1 jwt\n" in out
        assert "answer began: after 42 ms\n" in out
        assert "\x1b" not in out
    [told] = json.loads(check("show", entry.id, "--format", "json")[1])
    assert (told["sha256"], told["replaced"], told["milliseconds"]) == ("ab" * 32, {"jwt": 1, "aws-key": 2}, 41.7)


def test_what_is_not_known_is_said(check):
    code, out, err = check("show", "nobody")
    assert (code, out) == (2, "")
    assert "nothing that left is known under nobody" in err
