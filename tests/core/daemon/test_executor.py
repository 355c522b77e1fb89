"""Programs run prompts in one daemon, which may be killed under them."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import aclosing
from dataclasses import replace

import daemons
import pytest
from click.testing import CliRunner

from codetune_core.cli.main import main
from codetune_core.daemon.executor import DaemonExecutor
from codetune_core.domain.execution import ExecutionRequest, Task
from codetune_core.runtime.folder import holder


def request(code="a + b"):
    return ExecutionRequest(Task.EXPLAIN, "explain-code", {"code": code, "language": "python"})


@pytest.fixture
async def executor(served):
    lines = []
    executor = DaemonExecutor(lines.append)
    executor.lines = lines
    yield executor
    await executor.aclose()


async def test_who_stops_reading_stops_the_model(served, executor):
    async with aclosing(executor.execute(request("SLOW"))) as events:
        async for event in events:
            if event.type == "token":
                break
    await daemons.until(lambda: served.recorded() and served.recorded()[-1][0] == "cancelled", "not cancelled")


def test_a_terminal_runs_prompts_in_the_daemon_that_editors_use_and_ctrl_c_stops_them_there(served):
    asked = ("prompts", "run", "explain-code", "--var", "language=python", "--format", "json")
    code, out, err = served.run(*asked, "--var", "code=a + b")
    assert (code, json.loads(out)["output"]) == (0, "It adds two numbers."), err
    before = len(served.recorded())
    child = served.start(*asked, "--stream", "--var", "code=SLOW down")
    assert any('"token"' in line for line in child.stdout)
    child.send_signal(signal.SIGINT)
    assert child.wait(60) == 130
    child.communicate()
    assert [row[0] for row in served.recorded()[before:]] == ["cancelled"]
    code, out, _ = served.run("daemon", "status", "--format", "json")
    state = json.loads(out)
    assert (code, state["pid"], state["answers"], state["fits"]) == (0, served.pid, True, True)
    assert served.files.log.read_text().count("listens on") == 1


@pytest.fixture
def typed(served):
    """The name of a prompt whose version in staging wants a whole number."""
    path = served.home / "typed.prompt.md"
    path.write_text("""\
---
codetune: 1
name: typed
category: explanation
variables:
  depth:
    type: integer
---

=== user ===

Count to {{ depth }}.
""")
    if at_terminal("prompts", "show", "typed").exit_code:
        assert at_terminal("prompts", "new", "typed", "--file", path).exit_code == 0
        assert at_terminal("prompts", "deploy", "typed", 1, "--label", "staging").exit_code == 0
    return "typed"


def at_terminal(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["typed", "--label", "staging", "--var", "depth=7"], 0, "It adds two numbers."),
        (["typed@1", "--var", "depth=7"], 0, "It adds two numbers."),
        (["typed@1", "--var", "depth=seven"], 1, "depth: must be an integer"),
        (["typed@9"], 2, "codetune: 'typed' has no version 9: it has versions 1 to 1"),
        (["typed", "--label", "empty"], 2, "codetune: nothing of 'typed' is deployed to 'empty'"),
        (["typed", "--label", "no label"], 2, "label: String should match"),
        (["type"], 2, "codetune: there is no prompt 'type'; did you mean 'typed'?"),
        (["no/where at all"], 2, "codetune: there is no prompt 'no/where at all'"),
    ],
)
def test_a_terminal_is_told_by_the_daemon_what_a_prompt_wants_to_be_given(served, typed, arguments, code, says):
    before = len(served.recorded())
    result = at_terminal("prompts", "run", *arguments)
    assert result.exit_code == code, result.output
    assert says in result.output
    assert len(served.recorded()) - before == (code < 2)


def test_a_terminal_whose_prompts_run_in_the_daemon_opens_no_database(served):
    asked = ["prompts", "run", "explain-code", "--var", "language=python", "--var", "code=a + b"]
    program = f"from codetune_core.cli.main import main\nmain({asked}, standalone_mode=False)"
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program], capture_output=True, text=True, check=True, cwd=served.home
    )
    loaded = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines()}
    assert run.stdout == "It adds two numbers.\n"
    assert served.recorded()[-1][1] == 1
    assert "codetune_core.daemon.executor" in loaded
    assert loaded & {"sqlalchemy", "alembic", "jinja2", "codetune_core.bootstrap.core", "rich.console"} == set()


async def test_a_daemon_killed_in_the_middle_of_a_stream_is_said_and_the_next_request_starts_another(served, executor):
    first, before = None, len(served.recorded())
    async with aclosing(executor.execute(request("SLOW too"))) as events:
        async for event in events:
            if event.type == "token" and first is None:
                first = holder(served.files.lock)
                os.kill(first, signal.SIGKILL)
    assert (event.type, event.kind) == ("failed", "engine_lost")
    assert "the daemon at" in event.message
    assert "hung up in the middle of its answer" in event.message
    async with aclosing(executor.execute(request("b + c"))) as events:
        answered = [event async for event in events]
    assert answered[-1].output == "It adds two numbers."
    assert served.pid not in {None, first}
    *killed, done = served.recorded()[before:]
    assert done[1] == 1
    # What is killed at once may not be recorded; never is it recorded twice, nor as done.
    assert [row[1] for row in killed] in ([], [None], [0])


async def test_where_no_daemon_can_be_had_that_is_the_last_event(somebody, monkeypatch):
    monkeypatch.setenv("CODETUNE_DATABASE_URL", "sqlite:///here.db")
    async with aclosing(DaemonExecutor().execute(request())) as events:
        [failed] = [event async for event in events]
    assert (failed.type, failed.kind, failed.unavailable) == ("failed", "engine_lost", True)
    assert "write an absolute path" in failed.message


async def test_all_of_a_session_is_recorded_as_one(served):
    before = len(served.recorded())
    executor = DaemonExecutor(session_id="a window")
    for asked in (request("c + d"), replace(request("d + e"), session_id="another one")):
        async with aclosing(executor.execute(asked)) as events:
            assert [event async for event in events][-1].type == "finished"
    await executor.aclose()
    with sqlite3.connect(served.database) as connection:
        rows = connection.execute("SELECT session_id FROM execution_history ORDER BY sequence").fetchall()
    connection.close()
    assert rows[before:] == [("a window",), ("another one",)]
