"""``codetune history``: what is recorded is listed, searched, exported, rated and deleted from the terminal."""

import datetime as dt
import json
from pathlib import Path

import pytest
from executions import begun, ended
from rich.cells import cell_len

from codetune_core.cli.history_text import listed
from codetune_core.domain.execution import ErrorKind, Task
from codetune_core.domain.identifiers import new_id
from codetune_core.storage.url import VARIABLE

CANARY = "Canary_in_the_answer"


@pytest.fixture
def check(sqlite_url, run, monkeypatch):
    """Run ``codetune history`` over a fresh database; check how it ends and what it says; return what it printed."""
    monkeypatch.setenv(VARIABLE, sqlite_url)

    def run_and_check(*arguments, code=0, says=""):
        result = run("history", *arguments)
        assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
        assert says in result.output, result.output
        return result.stdout

    return run_and_check


def done(**changes):
    return ended(**{"executed_at": dt.datetime.now(dt.UTC), "output_data": CANARY, **changes})


def ids(check, *arguments):
    return [entry["id"] for entry in json.loads(check("list", "--format", "json", *arguments))]


def test_the_newest_execution_comes_first(check, recorded):
    old, new = recorded(done(executed_at=dt.datetime.now(dt.UTC) - dt.timedelta(hours=2)), done())
    assert ids(check) == [str(new.id), str(old.id)]
    assert ids(check, "--limit", 1) == [str(new.id)]
    assert ids(check, "--before", new.id) == [str(old.id)]
    assert ids(check, "--since", "1h") == [str(new.id)]
    assert ids(check, "--until", "1h") == [str(old.id)]
    check("list", "--limit", 1, says=f"older ones: --before {new.id}")


@pytest.mark.parametrize(
    "filters",
    [
        ["--task", "fix"],
        ["--user", "grace"],
        ["--model", "qwen"],
        ["--failed"],
        ["--text", "needle*"],
        ["--workspace", "/srv/app"],
    ],
)
def test_filters_choose(check, recorded, filters):
    other = {"task": Task.FIX, "user_id": "grace", "model_used": "qwen", "workspace": "/srv/app"}
    failed = {"success": False, "error_kind": ErrorKind.TIMEOUT, "output_data": "needlework"}
    wanted, _ = recorded(done(**other, **failed), done())
    assert ids(check, *filters) == [str(wanted.id)]


def test_a_prompt_is_chosen_by_name(check):
    assert ids(check, "--prompt", "explain-code") == []
    check("list", "--prompt", "no such prompt", code=2, says="no such prompt")


def test_a_list_for_people_shows_no_code(check, recorded):
    execution, *_ = recorded(done(), done(success=False, error_kind=ErrorKind.TIMEOUT), begun())
    text = check("list", says=str(execution.id))
    assert "ok" in text
    assert "timeout" in text
    assert "running" in text
    assert CANARY not in text


@pytest.mark.parametrize("with_code", [True, False])
def test_code_is_exported_only_if_asked_for(check, recorded, with_code):
    first, second = recorded(done(executed_at=dt.datetime.now(dt.UTC) - dt.timedelta(hours=2)), done())
    lines = check("export", *(["--with-code"] if with_code else [])).splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["id"] for entry in entries] == [str(first.id), str(second.id)]
    assert [entry.get("output_data") for entry in entries] == [CANARY if with_code else None] * 2
    assert all(("rendered_prompt" in entry) == ("input_data" in entry) == with_code for entry in entries)
    assert entries[0]["estimated_cost_usd"] == "0.004000000"
    assert entries[0]["executed_at"] == first.executed_at.isoformat()


def test_one_is_shown_with_all_that_is_kept(check, recorded):
    (execution,) = recorded(done())
    check("show", execution.id, says=CANARY)
    assert json.loads(check("show", execution.id, "--format", "json"))["output_data"] == CANARY
    check("show", new_id(), code=2, says="nothing is kept of an execution")


def test_a_text_of_several_lines_is_shown_line_by_line(check, recorded):
    (execution,) = recorded(done(output_data="first\nsecond\x1b[2J", input_data={"code": "a = 1\nb = 2", "depth": 3}))
    lines = check("show", execution.id).splitlines()
    assert lines[0] == f"id: {execution.id}"
    assert [lines[lines.index("output_data:") + number] for number in (1, 2)] == ["first", "second␛[2J"]
    assert [lines[lines.index("input_data, code:") + number] for number in (1, 2)] == ["a = 1", "b = 2"]
    assert "input_data, depth: 3" in lines
    assert "␊" not in "".join(lines)


def test_where_nothing_is_recorded_that_is_said(check):
    assert check("list", says="no such execution is recorded") == ""
    assert check("stats", says="no execution is recorded") == ""
    assert json.loads(check("list", "--format", "json")) == json.loads(check("stats", "--format", "json")) == []


@pytest.mark.parametrize("cells", [10, 60, 80, 100, 1000])
def test_a_narrow_terminal_gets_fewer_columns_and_no_broken_lines(cells):
    executions = [done(model_used="模型" * number) for number in range(3)]
    lines = listed(executions, {}, cells).splitlines()
    assert [line.split()[0] for line in lines] == ["id", *(str(each.id) for each in executions)]
    assert max(cell_len(line) for line in lines) <= max(cells, 36)
    assert ("explain" in lines[1]) == (cells == 1000)
    assert ("result" in lines[0]) == (cells >= 60)


def test_terminals_are_sent_no_control_characters(check, recorded):
    (execution,) = recorded(done(output_data="red\x1b[31m\nbell\x07", model_used="m\x1b[2J"))
    assert "\x1b" not in check("show", execution.id) + check("list")


def test_feedback_is_recorded(check, recorded):
    (execution,) = recorded(done())
    check("rate", execution.id, "--rating", 4, "--text", "right", "--outcome", "accepted")
    shown = json.loads(check("show", execution.id, "--format", "json"))
    assert (shown["user_feedback"], shown["user_feedback_text"], shown["outcome"]) == (4, "right", "accepted")
    check("rate", execution.id, "--rating", 4, says=f"noted for execution {execution.id}")
    check("rate", new_id(), "--rating", 4, code=2, says="nothing is kept of an execution")
    check("rate", execution.id, code=2, says="--rating")
    check("rate", execution.id, "--rating", 6, code=2)


def test_what_is_deleted_is_gone_from_the_files(check, recorded, sqlite_url):
    one, other = recorded(done(), done(output_data="kept"))
    check("delete", one.id, code=2, says="1 execution would be deleted")
    assert json.loads(check("delete", one.id, "--yes", "--format", "json")) == {"executions": 1, "erased": True}
    assert ids(check) == [str(other.id)]
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    assert not any(CANARY.lower().encode() in file.read_bytes().lower() for file in path.parent.glob("codetune.db*"))


def test_copies_that_still_have_it_are_named(check, recorded, sqlite_url):
    recorded(done())
    copy = Path(sqlite_url.removeprefix("sqlite:///")).with_name(
        "codetune.20260101T000000000000Z.before-upgrade.0008.db"
    )
    copy.touch()
    check("delete", "--all", "--yes", says=str(copy))


def test_what_to_delete_must_be_said(check, recorded):
    recorded(done(), done())
    check("delete", "--yes", code=2, says="say what to delete")
    check("delete", "--all", "--user", "ada", "--yes", code=2, says="say what to delete")
    check("delete", "--user", "grace", "--yes", says="0 executions deleted")
    check("delete", "--all", "--yes", says="2 executions deleted")
    assert ids(check) == []


@pytest.mark.parametrize(("by", "key"), [("model", "whiterabbitneo"), ("user", "ada"), ("prompt", None)])
def test_figures_are_summed_by(check, recorded, by, key):
    recorded(done(), done(from_cache=True, execution_time_ms=None), done(estimated_cost_usd=None))
    (group,) = json.loads(check("stats", "--by", by, "--format", "json"))
    assert (group["executions"], group["from_cache"], group["unpriced"]) == (3, 1, 1)
    assert group["average_ms"] == 12.5
    assert float(group["cost_usd"]) == 0.008
    if key:
        assert group["key"] == key
    check("stats", "--by", by, says="0.0080+")


@pytest.mark.parametrize("by", ["version", "day"])
def test_figures_have_names(check, recorded, by):
    recorded(done())
    check("stats", "--by", by, says="100%")


@pytest.mark.parametrize("value", ["yesterday", "12x", "2026-13-01", "999999w", "0001-01-01T00:00+05:00"])
def test_a_time_that_is_none_is_said(check, value):
    check("list", "--since", value, code=2, says="is no time")


def test_where_the_history_of_a_service_is_is_said(check, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "codetune").mkdir(exist_ok=True)
    (tmp_path / "codetune" / "codetune.toml").write_text('[remote]\nbase_url = "https://team.example"\n')
    check("list", says="notice: executions of https://team.example are listed with --remote")
