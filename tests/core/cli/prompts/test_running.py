"""``codetune prompts run``: executions on the scripted engine, streamed, recorded, and ended by Ctrl-C."""

import json
import re
import signal
import sqlite3
from pathlib import Path

import pytest

from codetune_core.domain.fence import mark
from codetune_core.storage.url import VARIABLE

MODEL = {"name": "tiny", "engine": "scripted", "context_tokens": 8192}
SCRIPTED = ("--engine", "scripted", "--script", "answers.yaml")


@pytest.fixture
def rows(library):
    """What the history holds: chosen columns of every execution."""

    def read(*columns):
        with sqlite3.connect(library.parent / "codetune.db") as connection:
            found = connection.execute(f"SELECT {', '.join(columns)} FROM execution_history ORDER BY sequence")
            content = found.fetchall()
        connection.close()
        return content

    return read


def test_the_answer_goes_to_stdout_and_the_rest_to_stderr(run, mine, rows):
    result = run("prompts", "run", mine, "--var", "code=a + b", *SCRIPTED)
    assert (result.exit_code, result.stdout) == (0, "It adds two numbers.\n"), result.output
    assert "mine@1 on tiny" in result.stderr
    assert " tokens" in result.stderr
    identifier = result.stderr.split("execution ")[1].split(":")[0]
    [(recorded, success, output, task)] = rows("id", "success", "output_data", "task")
    assert recorded.replace("-", "") == identifier.replace("-", "")
    assert (success, output, task) == (1, "It adds two numbers.", "explain")


def test_a_script_gets_one_object(ask, mine):
    content = ask("run", mine, "--var", "code=a + b", *SCRIPTED)
    assert content["output"] == "It adds two numbers."
    assert content.items() >= {"prompt": mine, "version": 1, "model": "tiny", "from_cache": False}.items()
    assert content.items() >= {"finish_reason": "stop", "error": None, "cut": [], "notices": []}.items()
    assert content["usage"]["completion_tokens"] == 4
    again = ask("run", mine, "--var", "code=a + b", *SCRIPTED)
    assert (again["from_cache"], again["output"]) == (True, content["output"])
    assert ask("run", mine, "--var", "code=a + b", "--fresh", *SCRIPTED)["from_cache"] is False


def test_a_script_may_have_each_event_as_it_happens(check, mine):
    lines = check("run", mine, "--var", "code=a", "--format", "json", "--stream", *SCRIPTED).splitlines()
    events = [json.loads(line) for line in lines]
    assert [*dict.fromkeys(event["type"] for event in events)] == ["started", "token", "usage", "finished"]
    assert "".join(event["text"] for event in events if event["type"] == "token") == events[-1]["output"]
    check("run", mine, "--stream", code=2, says="--stream goes with --format json")


def test_variables_come_from_files_and_stdin_with_their_types(ask, check, mine, library):
    (library / "app.py").write_text("x = 'unusual'\n")
    dry = ask("run", mine, "--var", "code=@app.py", "--var", "depth=7", "--dry-run", *SCRIPTED)
    [message] = dry["messages"]
    assert "x = 'unusual'" in message["content"]
    assert "Depth 7." in message["content"]
    assert "from stdin" in check("run", mine, "--var", "code=-", "--dry-run", *SCRIPTED, text="from stdin")
    assert "@decorator" in check("run", mine, "--var", "code=@@decorator", "--dry-run", *SCRIPTED)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--var", "code"], "gives no value"),
        (["--var", "=1"], "gives no value"),
        (["--var", "code=1", "--var", "code=2"], "code is given twice"),
        (["--var", "code=-", "--var", "depth=-"], "cannot both be read"),
        (["--var", "code=@nowhere.py"], "nowhere.py cannot be read: no such file"),
        (["--var", "code=@latin.py"], "not UTF-8 (byte 1)"),
        (["--script", "nowhere.yaml"], "does not exist"),
        (["--task", "sing"], "'explain'"),
    ],
)
def test_what_is_written_wrongly_is_said_before_anything_runs(check, mine, rows, arguments, says):
    Path("latin.py").write_bytes(b"\xe9")
    check("run", mine, *SCRIPTED, *arguments, code=2, says=says)
    assert rows("id") == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--var", "code=LOSE"], ("engine_lost", "cable is cut")),
        (["--var", "code=REFUSE"], ("refused", "not this one")),
        ([], ("invalid_input", "code: missing")),
        (["--var", "code=1", "--var", "depth=deep"], ("invalid_input", "must be an integer")),
        (["--var", "code=1", "--var", "cod=1"], ("invalid_input", "did you mean code?")),
        (["--var", "code=1", "--model", "huge"], ("refused", "no model 'huge'")),
    ],
)
def test_an_execution_that_fails_ends_with_1_and_its_reason_and_is_recorded(ask, mine, rows, arguments, error):
    kind, says = error
    content = ask("run", mine, *SCRIPTED, *arguments, code=1)
    assert content["error"]["kind"] == kind
    assert says in content["error"]["message"]
    assert content["output"] is None
    assert rows("error_kind", "success") == [(kind, 0)]


def test_what_came_before_a_failure_was_shown(run, mine):
    result = run("prompts", "run", mine, "--var", "code=LOSE", *SCRIPTED)
    assert (result.exit_code, result.stdout) == (1, "half\n")
    assert "codetune: engine_lost: cable is cut" in result.stderr


def test_without_an_engine_the_command_says_what_to_set(check, mine):
    set_one = "no engine is set\n- set engine.name in your codetune.toml (available: "
    check("run", mine, "--var", "code=1", "--engine", "none", code=2, says=set_one)
    check("run", mine, "--engine", "steam", code=2, says="there is no engine 'steam'")
    check("run", mine, "--engine", "scripted", code=2, says="engine.script")


def test_without_an_engine_a_line_says_so_and_three_short_ones_what_to_do(run, mine, rows, monkeypatch):
    monkeypatch.setattr("codetune_core.engines.local_servers.USUAL_PORTS", {})
    result = run("prompts", "run", mine, "--var", "code=1")
    assert (result.exit_code, result.stdout) == (2, "")
    why, *ways = result.stderr.splitlines()
    assert why == (
        "codetune: no engine is set, and none was found: no model for review is on this machine; no server answers on "
        "its usual port"
    )
    pull, server, dry = ways
    assert re.fullmatch(
        r"- [\w.-]+ would fit: (pip install 'codetune\[local\]' && )?codetune models pull [\w.-]+", pull
    )
    assert server == "- start a server such as Ollama, or set engine.base_url in your codetune.toml"
    assert dry == "- add --dry-run to see what would be sent"
    assert max(map(len, ways)) <= 100
    assert run("models", "info", pull.split()[-1]).exit_code == 0
    assert run("prompts", "run", mine, "--var", "code=1", "--dry-run").exit_code == 0
    assert rows("id") == []


def test_a_dry_run_needs_no_engine_and_calls_its_lengths_estimates(run, ask, mine, rows):
    result = run("prompts", "run", mine, "--var", "code=a + b", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "[user] about " in result.stdout
    assert "a + b" in result.stdout
    assert "about" in result.stderr
    assert "no engine is set" in result.stderr
    dry = ask("run", mine, "--var", f"code={'x = 1;' * 20_000}", "--dry-run")
    assert dry.items() >= {"model": None, "context_tokens": None, "tokens_estimated": True, "cut": []}.items()
    [message] = dry["messages"]
    assert 30_000 < message["tokens"] < 31_000
    assert ask("run", mine, "--var", "code=1", "--dry-run", *SCRIPTED)["tokens_estimated"] is False
    assert rows("id") == []


def test_what_is_wrong_with_several_variables_is_said_line_by_line(run, mine):
    result = run("prompts", "run", mine, "--var", "depth=deep", *SCRIPTED)
    assert result.exit_code == 1
    assert "\n- code: missing" in result.stderr
    assert "␊" not in result.stderr


def test_the_version_and_the_label_may_be_chosen(ask, check, mine):
    assert ask("run", "mine@2", "--var", "code=1", *SCRIPTED)["version"] == 2
    check("deploy", mine, 2, "--label", "staging")
    assert ask("run", mine, "--label", "staging", "--var", "code=1", *SCRIPTED)["version"] == 2
    check("run", "nobody", *SCRIPTED, code=2, says="there is no prompt 'nobody'")
    check("run", mine, "--label", "empty", *SCRIPTED, code=2, says="nothing of 'mine' is deployed to 'empty'")


def test_a_dry_run_asks_nobody_and_shows_what_would_be_sent(run, mine, rows):
    result = run("prompts", "run", mine, "--var", "code=a \x1b[31m b", "--dry-run", *SCRIPTED)
    assert result.exit_code == 0, result.output
    assert "[user] " in result.stdout
    assert "What does this do? Depth 2." in result.stdout
    assert "\x1b" not in result.stdout
    assert "nobody was asked" in result.stderr
    assert rows("id") == []


def test_a_dry_run_says_what_was_cut(ask, library, check, prompt):
    text = prompt("one").read_text().replace("    type: code\n", "    type: code\n    cut: 1\n")
    check("new", "cuttable", "--file", "-", text=text)
    (library / "long.py").write_text("value = 1\n" * 5000)
    dry = ask("run", "cuttable", "--var", "code=@long.py", "--dry-run", *SCRIPTED)
    assert len(dry["cut"]) == 1
    assert sum(message["tokens"] for message in dry["messages"]) + dry["max_tokens"] <= dry["context_tokens"]


def test_ctrl_c_ends_the_generation_and_is_recorded(start, mine, library, rows):
    (library / "answers.yaml").write_text("default: {answers: ['one two three'], token_delay_ms: 60000}\n")
    child = start("run", mine, "--var", "code=1", *SCRIPTED)
    assert child.stdout.read(3) == "one"
    child.send_signal(signal.SIGINT)
    rest, said = child.communicate(timeout=60)
    assert (child.returncode, rest, said) == (130, "\n", "cancelled\n")
    assert rows("error_kind", "success", "output_data") == [("cancelled", 0, "one")]


def test_a_reader_that_leaves_ends_the_generation(start, mine, library, rows):
    words = f"word{'s' * 500} " * 1000  # more than fits into a pipe, and less than is cut off
    (library / "answers.yaml").write_text(f"default: {{answers: ['{words}'], token_delay_ms: 0}}\n")
    child = start("run", mine, "--var", "code=1", *SCRIPTED)
    assert child.stdout.read(4) == "word"
    child.stdout.close()
    assert child.wait(60) != 0
    assert "Traceback" not in child.stderr.read()
    assert rows("error_kind", "success") == [("cancelled", 0)]


def test_on_a_terminal_an_answer_is_shown_and_does_not_steer_it(terminal, mine, run):
    said, code = terminal("run", mine, "--var", "code=STEER", *SCRIPTED, answer="", expects=" s\r\n")
    assert code == 0
    assert "safe ␛[2J␇ end" in said
    assert "\x1b[2J" not in said
    assert run("prompts", "run", mine, "--var", "code=STEER", *SCRIPTED).stdout == "safe \x1b[2J\x07 end\n"


def test_the_budget_stops_or_falls_back_and_says_so(ask, mine, library, monkeypatch):
    config = library.parent / "home" / "codetune" / "codetune.toml"
    config.parent.mkdir(parents=True)
    price = "[[budget.prices]]\nmodel = 'tiny'\nprompt = 1000\ncompletion = 1000\n"
    config.write_text(f"[budget]\nper_day_usd = 0.01\n{price}")
    stopped = ask("run", mine, "--var", "code=1", *SCRIPTED, code=1)
    assert stopped["error"]["kind"] == "budget_spent"
    assert "0.01 USD a day" in stopped["error"]["message"]
    free = "[[budget.prices]]\nmodel = 'free'\nprompt = 0\ncompletion = 0\n"
    config.write_text(f"[budget]\nper_day_usd = 0.01\nwhen_spent = 'fallback'\nfallback_model = 'free'\n{price}{free}")
    models = "models: [{name: tiny, engine: e, context_tokens: 8192}, {name: free, engine: e, context_tokens: 8192}]\n"
    (library / "answers.yaml").write_text(f"{models}default: {{answers: ['cheap']}}\n")
    fallen = ask("run", mine, "--var", "code=1", *SCRIPTED)
    assert (fallen["model"], fallen["output"]) == ("free", "cheap")
    assert fallen["notices"] == ["today's budget is spent: free answers instead of tiny"]


def test_what_an_execution_cost_and_by_which_price_stands_on_its_row(ask, mine, library, rows):
    config = library.parent / "home" / "codetune" / "codetune.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[[budget.prices]]\nmodel = 'tiny'\nprompt = 2\ncompletion = 4\nsource = 'our contract of May'\n")
    usage = ask("run", mine, "--var", "code=1", *SCRIPTED)["usage"]
    ask("run", mine, "--var", "code=1", *SCRIPTED)
    [(first, source), (second, _)] = rows("estimated_cost_usd", "price_source")
    assert round(first * 1_000_000) == 2 * usage["prompt_tokens"] + 4 * usage["completion_tokens"]
    assert source == "our contract of May (valid from 1970-01-01)"
    assert second == 0


@pytest.mark.postgresql
def test_a_team_s_prompts_are_on_postgresql(ask, check, prompt, postgresql_url, monkeypatch):
    monkeypatch.setenv(VARIABLE, postgresql_url)
    check("new", "mine", "--file", prompt("one"))
    check("edit", "mine", "--file", prompt("two"), "--deploy")
    content = ask("run", "mine", "--var", "code=1", *SCRIPTED)
    assert content.items() >= {"version": 2, "output": "It adds two numbers.", "from_cache": False}.items()
    assert ask("run", "mine", "--var", "code=1", *SCRIPTED)["from_cache"] is True
    check("rollback", "mine")
    shown = ask("show", "mine")
    assert (shown["labels"], shown["executions"], shown["success_rate"]) == ({"production": 1}, 1, 1)
    assert [entry["action"] for entry in ask("log", "mine")["entries"]] == ["rollback", "deploy", "deploy"]


def test_a_file_gets_quoted_code_as_it_was_written(run, mine, library):
    code = "if mode == '<|im_start|>':\n    print('\\u2060', '[INST]')  # \u202e\n"
    (library / "quoted.py").write_text(code)
    answer = {"default": {"answers": [mark(code)]}}
    (library / "answers.yaml").write_text(json.dumps(answer | {"models": [MODEL]}))
    result = run("prompts", "run", mine, "--var", "code=@quoted.py", *SCRIPTED)
    assert (result.exit_code, result.stdout) == (0, code), result.output
