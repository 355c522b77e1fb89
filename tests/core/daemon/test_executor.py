"""Programs run prompts in one daemon, which may be killed under them."""

import json
import os
import signal
from contextlib import aclosing

import daemons
import pytest

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
