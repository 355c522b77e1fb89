"""What a person does in the editor reaches the history and the experiments: a real server, daemon and git."""

import json
import sqlite3
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from codetune_core.prompts.files import read_prompt

TEXT = (
    "def total(prices):\n    result = 0\n    for price in prices:\n        result = result + price\n    return result\n"
)
MADE = "def total(prices):\n    return sum(prices)\n"
STEPS = {
    "summary": "Summed by the built-in.",
    "steps": [
        {
            "quote": TEXT.split("\n", 1)[1].rstrip("\n"),
            "replacement": "    return sum(prices)",
            "reason": "One pass in C.",
        }
    ],
    "risks": [],
}
SCRIPT = f"""\
models: [{{name: tiny, engine: scripted, context_tokens: 16384}}]
rules: [{{contains: "Optimize the code", answers: [{json.dumps(json.dumps(STEPS))}]}}]
default: {{answers: ["?"]}}
"""
CAPABILITIES = {
    "textDocument": {"codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}}}},
    "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
}
SECONDS = 60
PLACE = {"start": {"line": 0, "character": 0}, "end": {"line": 5, "character": 0}}


def git(folder, *words):
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def shop(tmp_path):
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "cart.py").write_text(TEXT)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def experiment(user) -> None:
    """Split the traffic of ``optimize`` between two versions."""
    file = Path(read_prompt.__code__.co_filename).parent / "library_files" / "optimize.prompt.md"
    other = user.home / "optimize.prompt.md"
    other.write_text(f"{file.read_text().rstrip()}\n\nBe brief.\n")
    assert user.run("prompts", "edit", "optimize", "--file", str(other), "-m", "shorter")[0] == 0
    assert user.run("prompts", "experiment", "start", "optimize", "1", "2")[0] == 0


def outcome(user, execution) -> tuple[str, str, int | None]:
    """What the history says of an execution: outcome, arm and rating."""
    with sqlite3.connect(user.database) as connection:
        query = "SELECT outcome, experiment_arm, user_feedback FROM execution_history WHERE id IN (?, ?)"
        found = connection.execute(query, (execution, UUID(execution).hex)).fetchone()
    connection.close()
    return found


def until(user, execution, wanted):
    deadline = time.monotonic() + SECONDS
    while (found := outcome(user, execution))[0] != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def menu(client, uri):
    params = {"textDocument": {"uri": uri}, "range": PLACE, "context": {"diagnostics": []}}
    return client.ask("textDocument/codeAction", params) or []


def entry(client, uri, wanted):
    deadline = time.monotonic() + SECONDS
    while True:
        found = [each for each in menu(client, uri) if wanted(each)]
        if found:
            return found[0]["command"]
        assert time.monotonic() < deadline, client.seen
        time.sleep(0.05)


def save(client, uri):
    client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})


@contextmanager
def optimized(shop, raw_client):
    """An editor in which a model's edit was applied; gives it, the document and the execution."""
    uri = (shop / "cart.py").as_uri()
    with raw_client.RawClient(raw_client.SERVER) as client:
        client.initialize(capabilities=CAPABILITIES, workspaceFolders=[{"uri": shop.as_uri(), "name": "shop"}])
        client.open(uri, TEXT)
        chosen = entry(client, uri, lambda each: "optimize" in each["command"].get("arguments", ()))
        running = client.start_command(chosen["command"], *chosen["arguments"])
        asked = client.wait_for(lambda seen: seen.get("method") == "workspace/applyEdit", SECONDS)
        client.change(uri, 2, {"text": MADE})
        client.send(id=asked["id"], result={"applied": True})
        yield client, uri, client.answer(running, SECONDS)["result"]["executionId"]


def test_an_edit_that_is_committed_is_kept_and_counts_for_its_version(user, shop, raw_client):
    experiment(user)
    with optimized(shop, raw_client) as (client, uri, execution):
        until(user, execution, "accepted")
        good = entry(client, uri, lambda each: each["title"] == "Good answer")
        client.answer(client.start_command(good["command"], *good["arguments"]), SECONDS)
        (shop / "cart.py").write_text(MADE)
        git(shop, "commit", "-q", "-a", "-m", "faster")
        save(client, uri)
        _, arm, stars = until(user, execution, "kept")
    assert stars == 5
    code, said, _ = user.run("prompts", "experiment", "status", "optimize", "--format", "json")
    assert code == 0
    (verdict,) = json.loads(said)["experiments"]
    judged = {each["arm"]: (each["judged"]["sessions"], each["judged"]["hits"]) for each in verdict["arms"]}
    assert judged.pop(arm) == (1, 1)
    assert set(judged.values()) == {(0, 0)}


def test_an_edit_that_is_undone_before_the_window_closes_is_reverted(user, shop, raw_client):
    with optimized(shop, raw_client) as (client, uri, execution):
        client.change(uri, 3, {"text": f"# Mine.\n{TEXT}"})
        save(client, uri)
        until(user, execution, "reverted")
