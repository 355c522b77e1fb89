"""``codetune.runPrompt``: editors that share one daemon, and through it one copy of a model's weights."""

import asyncio
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from codetune_core.bootstrap.core import open_core
from codetune_core.daemon.own import own_settings
from codetune_core.domain.prompt import Decoding, PromptDraft, Variable, VariableType, Wording
from codetune_core.runtime.folder import holder

TINY = str(Path(__file__).parents[1] / "fixtures" / "tiny-code-model")
MOST_MEGABYTES = 80
ASKED = {"prompt": "explain-code", "variables": {"code": "a + b", "language": "python"}}
FAILED = -32803
INVALID = -32602


@pytest.fixture(scope="session")
def sqlite_template(sqlite_starters):
    return sqlite_starters


@pytest.fixture
def editor(raw_client):
    """Start language servers, which end with the test."""
    with ExitStack() as stack:

        def start():
            client = stack.enter_context(raw_client.RawClient(raw_client.SERVER))
            client.initialize()
            return client

        yield start


def megabytes(client):
    """What a server takes of the machine's memory, pages that it shares with others included."""
    return psutil.Process(client.process.pid).memory_info().rss / 1e6


def asked(code, prompt="explain-code"):
    return {"prompt": prompt, "variables": {"code": code, "language": "python"}}


def ran(client, argument):
    """The answer to a prompt that may have to wait for a model to be loaded."""
    return client.answer(client.start_command("codetune.runPrompt", argument), 120)


def error(client, argument):
    return client.error("workspace/executeCommand", {"command": "codetune.runPrompt", "arguments": [argument]})


def shown(client, token):
    """What the editor shows of a progress."""
    said = [message["params"] for message in client.seen if message.get("method") == "$/progress"]
    return [each["value"] for each in said if each["token"] == token]


def until_shown(client, token, text=" tokens"):
    def wanted(seen):
        if seen.get("method") != "$/progress" or seen["params"]["token"] != token:
            return False
        return text in seen["params"]["value"].get("message", "")

    client.wait_for(wanted, 60)


def until(holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_editor_runs_a_prompt_sees_how_far_it_is_and_can_stop_the_model(somebody, editor):
    client = editor()
    client.open("untitled:a.py", "import subprocess\nsubprocess.call(input(), shell=True)\n")
    assert client.called("textDocument/publishDiagnostics", 60)["params"]["diagnostics"]
    client.notify("textDocument/didSave", {"textDocument": {"uri": "untitled:a.py"}})
    assert megabytes(client) < MOST_MEGABYTES
    answer = client.answer(client.start_command("codetune.runPrompt", ASKED, workDoneToken="first"), 60)["result"]
    assert answer["output"] == "It adds two numbers."
    assert answer["model"] == "tiny"
    assert len(answer["executionId"]) == len("01a1ffe6-9d9f-77a9-b9ef-f90ebd22c412")
    begin, *_, end = shown(client, "first")
    assert (begin["kind"], end["kind"]) == ("begin", "end")
    assert "percentage" not in begin
    assert megabytes(client) < MOST_MEGABYTES

    running = client.start_command("codetune.runPrompt", asked("SLOW"), workDoneToken="second")
    until_shown(client, "second")
    client.notify("window/workDoneProgress/cancel", {"token": "second"})
    assert client.answer(running)["error"]["code"] == -32800
    until(lambda: "cancelled" in [row[0] for row in somebody.recorded()])  # beside what the save had reviewed

    wrong = error(client, asked("a", prompt="nowhere"))
    assert wrong["code"] == FAILED
    assert "nowhere" in wrong["message"]
    for argument, says in [({}, "prompt"), (ASKED | {"task": "dance"}, "task"), (ASKED | {"x": 1}, "x: Extra")]:
        wrong = error(client, argument)
        assert (wrong["code"], says in wrong["message"]) == (INVALID, True), wrong

    somebody.scripted(daemon={"enabled": False})
    assert "daemon.enabled" in error(client, ASKED)["message"]


@pytest.fixture
def on_a_model(somebody):
    """A user with a small real model, and a prompt that it can answer at length."""
    somebody.configure(engine={"name": "transformers"}, models={"review": TINY, "generation": TINY})
    code = Variable(name="code", type=VariableType.CODE)
    wording = Wording(
        user_prompt_template="{{ code }}", variables=(code,), temperature=0.0, max_tokens=400, decoding=Decoding()
    )

    async def add():
        async with open_core(own_settings().settings) as core:
            await core.prompts.create(PromptDraft(name="short"), wording, by="ann")

    asyncio.run(add())
    return somebody


def models():
    """Processes that hold weights."""
    found = Path(os.environ["XDG_RUNTIME_DIR"]).glob("codetune-*/*.lock")
    return [pid for path in found if path.stem != "starting" and (pid := holder(path))]


def short(number):
    return {"prompt": "short", "variables": {"code": f"def function_{number}(a, b):"}}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_six_editors_share_one_daemon_and_one_copy_of_the_weights_whatever_is_killed(on_a_model, editor):
    clients = [editor() for _ in range(6)]
    running = [client.start_command("codetune.runPrompt", short(number)) for number, client in enumerate(clients)]
    answers = [client.answer(number, 120) for client, number in zip(clients, running, strict=True)]
    assert all(answer["result"]["output"] for answer in answers), answers
    assert len(models()) == 1
    assert on_a_model.files.log.read_text().count("codetune serve listens on") == 1
    assert max(map(megabytes, clients)) < MOST_MEGABYTES

    # The model's process is killed: only what it answers fails, and the next request loads it again.
    first, *others = clients
    going = first.start_command("codetune.runPrompt", short("long"), workDoneToken="mine")
    until_shown(first, "mine")
    [model], daemon = models(), on_a_model.pid
    os.kill(model, signal.SIGKILL)
    assert "engine_lost" in first.answer(going, 60)["error"]["message"]
    assert ran(others[0], short("after"))["result"]["output"]
    assert models() != [model]
    assert on_a_model.pid == daemon

    # The daemon is killed: what runs fails in words, and the next request starts another, which finds the model.
    [model] = models()
    before = len(on_a_model.recorded())
    going = others[1].start_command("codetune.runPrompt", short("again"), workDoneToken="mine")
    until_shown(others[1], "mine")
    os.kill(daemon, signal.SIGKILL)
    told = others[1].answer(going, 60)["error"]["message"]
    assert "engine_lost" in told
    assert "hung up in the middle of its answer" in told
    assert ran(others[2], short("new"))["result"]["output"]
    assert on_a_model.pid not in {None, daemon}
    assert models() == [model]
    *killed, last = on_a_model.recorded()[before:]
    assert last[1] == 1
    assert [row[1] for row in killed] in ([], [None], [0])
    assert max(map(megabytes, clients)) < MOST_MEGABYTES
