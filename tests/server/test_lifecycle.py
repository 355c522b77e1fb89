"""How a server process begins and ends: the order of initialize, shutdown and exit, and the death of its editor."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from codetune_server.lifeline import watch_process

LIMIT = 2.0
"""Seconds within which a server without an editor must be gone."""


@pytest.fixture
def client(raw_client):
    with raw_client.RawClient() as client:
        yield client


def is_gone(pid, seconds=LIMIT + 0.5):
    """Whether a process that is not our child ends in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_requests_before_initialize_are_refused_and_notifications_ignored(client):
    client.notify("textDocument/didOpen", {"textDocument": {}})
    assert client.error("textDocument/hover", {})["code"] == -32002
    assert client.error("shutdown")["code"] == -32002
    assert "capabilities" in client.initialize()


def test_initialize_with_wrong_parameters_can_be_repeated(client):
    assert client.error("initialize", {"processId": "x"})["code"] == -32602
    assert "capabilities" in client.initialize()


def test_a_second_initialize_is_refused(client):
    client.initialize()
    assert client.error("initialize", {"processId": None, "rootUri": None, "capabilities": {}})["code"] == -32600


def test_messages_in_the_same_write_as_initialize_are_answered(client, raw_client):
    first = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}, "processId": None}}
    second = {"jsonrpc": "2.0", "id": 2, "method": "probe/echo", "params": 5}
    client.send_bytes(raw_client.frame(first) + raw_client.frame(second))
    assert client.answer(2)["result"] == 5


def test_shutdown_then_exit_ends_with_0(client):
    client.initialize()
    assert client.ask("shutdown") is None
    assert client.error("probe/echo", 1)["code"] == -32600
    assert client.error("shutdown")["code"] == -32600
    client.notify("exit")
    assert client.exit_code() == 0


@pytest.mark.parametrize("initialized", [True, False])
def test_exit_without_shutdown_ends_with_1(client, initialized):
    if initialized:
        client.initialize()
    client.notify("exit")
    assert client.exit_code() == 1


def test_shutdown_cancels_a_running_command_and_answers_both(client):
    client.initialize()
    slow, hover = (
        client.start_command("probe.slow"),
        client.request("textDocument/hover", {"textDocument": {"uri": "a"}, "position": {"line": 0, "character": 0}}),
    )
    client.settle()
    assert client.ask("shutdown") is None
    assert client.answer(slow)["error"]["code"] == -32800
    assert client.answer(hover)["error"]["code"] == -32800
    client.notify("exit")
    assert client.exit_code() == 0


def test_the_end_of_input_ends_the_server(client):
    client.initialize()
    client.process.stdin.close()
    assert client.exit_code(LIMIT) == 1


def test_the_end_of_input_after_shutdown_is_an_orderly_end(client):
    client.initialize()
    client.ask("shutdown")
    client.process.stdin.close()
    assert client.exit_code(LIMIT) == 0


@pytest.mark.parametrize("obstacle", ["probe.thread", "probe.slow", "probe.block", "probe.hang_at_end"])
def test_the_end_of_input_ends_a_busy_server_in_time(client, obstacle):
    client.initialize()
    client.start_command(obstacle)
    if obstacle != "probe.block":
        client.settle()
    client.process.stdin.close()
    client.exit_code(LIMIT)


@pytest.mark.parametrize("obstacle", ["probe.thread", "probe.hang_at_end"])
def test_exit_ends_a_busy_server_in_time(client, obstacle):
    client.initialize()
    client.command(obstacle)
    client.ask("shutdown")
    client.notify("exit")
    assert client.exit_code(LIMIT) == 0


def test_the_first_reason_to_end_decides_the_exit_code(client):
    client.initialize()
    client.command("probe.hang_at_end")
    client.notify("exit")
    client.process.stdin.close()
    assert client.exit_code(LIMIT) == 1


def test_what_was_started_is_ended_with_the_server(client, tmp_path):
    client.initialize()
    client.command("probe.mark_at_end", str(tmp_path / "ended"))
    client.process.stdin.close()
    client.exit_code()
    assert (tmp_path / "ended").exists()


def test_answers_still_reach_an_editor_that_reads_slowly(client):
    client.initialize()
    large = client.request("probe/echo", "x" * 3_000_000)
    client.request("shutdown")
    client.notify("exit")
    assert len(client.answer(large)["result"]) == 3_000_000
    assert client.exit_code() == 0


def test_a_server_whose_output_is_closed_ends(client):
    client.initialize()
    os.dup2(os.open(os.devnull, os.O_RDWR), client.process.stdout.fileno())
    client.request("probe/echo", 1)
    client.exit_code(LIMIT)


EDITOR = """
import json, os, subprocess, sys, time
server = subprocess.Popen([sys.executable, *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
holder = subprocess.Popen(["sleep", "60"], pass_fds=[server.stdin.fileno()])
params = {"processId": os.getpid(), "rootUri": None, "capabilities": {}}
body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).encode()
server.stdin.write(b"Content-Length: %d\\r\\n\\r\\n%b" % (len(body), body))
server.stdin.flush()
server.stdout.readline()
print(server.pid, holder.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
def test_a_server_whose_editor_was_killed_ends_though_another_process_holds_its_input_open(raw_client):
    command = [sys.executable, "-c", textwrap.dedent(EDITOR), *raw_client.PROBE[1:]]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as editor:
        server, holder = map(int, editor.stdout.readline().split())
        editor.send_signal(signal.SIGKILL)
        editor.wait()
        try:
            assert is_gone(server)
        finally:
            os.kill(holder, signal.SIGKILL)


def test_an_editor_that_cannot_be_seen_from_here_is_not_taken_for_dead(client):
    client.initialize(processId=2**22 + 5)
    time.sleep(0.1)
    assert client.ask("probe/echo", 1) == 1


@pytest.mark.parametrize("pid", [0, -1, 2**31 - 1, 2**70])
def test_no_impossible_process_is_watched(pid):
    assert not watch_process(pid, lambda: None)


# What the client says of itself


def test_abilities_that_this_protocol_version_does_not_know_are_left_out_one_by_one(client):
    client.initialize(
        capabilities={
            "workspace": {"workspaceEdit": {"resourceOperations": ["fly", "create", "swim", "rename"]}},
            "textDocument": {
                "hover": {"contentFormat": ["html", "markdown"]},
                "documentSymbol": {"symbolKind": {"valueSet": [1, 900, *range(901, 912), 2]}},
                "codeAction": 5,
            },
        }
    )
    kept = client.command("probe.capabilities")
    assert kept["workspace"]["workspaceEdit"]["resourceOperations"] == ["create", "rename"]
    assert kept["textDocument"]["hover"]["contentFormat"] == ["markdown"]
    assert kept["textDocument"]["documentSymbol"]["symbolKind"]["valueSet"] == [1, 2]
    assert "codeAction" not in kept["textDocument"]


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (None, "utf-16"),
        (["utf-32", "utf-16"], "utf-32"),
        (["utf-7", "utf-8"], "utf-8"),
    ],
)
def test_the_first_known_encoding_that_the_client_offers_is_taken(client, offered, chosen):
    result = client.initialize(capabilities={"general": {"positionEncodings": offered}} if offered is not None else {})
    assert result["capabilities"]["positionEncoding"] == chosen
    client.open("file:///a.py", "é😀x\n")
    column = {"utf-8": 6, "utf-16": 3, "utf-32": 2}[chosen]
    place = {"line": 0, "character": column}
    client.change("file:///a.py", 2, {"range": {"start": place, "end": place}, "text": "|"})
    assert client.command("probe.text", "file:///a.py")[0] == "é😀|x\n"


# The program


def test_the_real_server_serves_as_a_module(raw_client):
    with raw_client.RawClient((*raw_client.SERVER, "--stdio", f"--clientProcessId={os.getpid()}")) as client:
        capabilities = client.initialize()["capabilities"]
        assert capabilities["textDocumentSync"]["change"] == 2
        assert client.ask("shutdown") is None
        client.notify("exit")
        assert client.exit_code() == 0


def test_input_from_a_regular_file_is_served(raw_client, tmp_path):
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"processId": None, "capabilities": {}}},
        {"jsonrpc": "2.0", "id": 2, "method": "shutdown"},
        {"jsonrpc": "2.0", "method": "exit"},
    ]
    script = tmp_path / "script"
    script.write_bytes(b"".join(map(raw_client.frame, messages)))
    with script.open("rb") as source, (tmp_path / "answers").open("wb") as sink:
        assert subprocess.run(raw_client.SERVER, stdin=source, stdout=sink, timeout=30, check=False).returncode == 0
    answers = (tmp_path / "answers").read_bytes()
    assert json.loads(answers[answers.rindex(b"\r\n\r\n") :]) == {"jsonrpc": "2.0", "id": 2, "result": None}
