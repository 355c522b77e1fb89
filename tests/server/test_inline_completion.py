"""Inline completion: a real language server, a real daemon, and a script that says what the model writes."""

import json
import time
from pathlib import Path

import daemons
import pytest

INLINE = {"textDocument": {"inlineCompletion": {}}}
LATER = {"textDocument": {"inlineCompletion": {"dynamicRegistration": True}}}
LISTED = {"textDocument": {"completion": {"completionItem": {"documentationFormat": ["markdown"]}}}}
URI = "untitled:cart.py"
TEXT = "def total(prices):\n    "
WRITTEN = "return sum(prices)"
SLOW = "untitled:slow.py"
SLOW_TEXT = "def slow():\n    "
CANCELLED = -32800
SCRIPT = f"""\
models: [{{name: tiny, engine: scripted, context_tokens: 16384}}]
infill: true
rules:
  - {{contains: "def slow", token_delay_ms: 40, answers: [{json.dumps("return fast_enough(" + ", ".join(f"word{n}" for n in range(200)) + ")")}]}}
  - {{contains: "🎉", answers: ["party(🎈)\\n"]}}
default: {{answers: [{json.dumps(WRITTEN)}]}}
"""


@pytest.fixture(scope="module")
def sqlite_template(sqlite_starters):
    return sqlite_starters


@pytest.fixture(scope="module")
def user(sqlite_starters, tmp_path_factory):
    """A user whose daemon ends with the module."""
    database = tmp_path_factory.mktemp("completing") / "codetune.db"
    database.write_bytes(Path(sqlite_starters).read_bytes())
    with pytest.MonkeyPatch.context() as patch, daemons.user(f"sqlite:///{database}", patch) as somebody:
        somebody.scripted(SCRIPT)
        yield somebody


@pytest.fixture(scope="module")
def client(user, raw_client):
    with raw_client.RawClient(raw_client.SERVER) as started:
        started.user = user
        started.said = started.initialize(capabilities=INLINE)["capabilities"]
        until_offered(started)
        yield started


def until_offered(client):
    """Wait until the server has learnt who answers."""
    client.open("untitled:first.py", "first = ")
    deadline = time.monotonic() + 60
    while not items(client, "untitled:first.py", (0, 8), key=True):
        assert time.monotonic() < deadline, client.seen
        time.sleep(0.05)


def start(client, uri, at, *, key=False, selected=None):
    """Ask for a completion without waiting."""
    context = {"triggerKind": 1 if key else 2, **({"selectedCompletionInfo": selected} if selected else {})}
    place = {"line": at[0], "character": at[1]}
    params = {"textDocument": {"uri": uri}, "position": place, "context": context}
    return client.request("textDocument/inlineCompletion", params)


def items(client, uri, at, **how):
    return client.answer(start(client, uri, at, **how), 30)["result"]


def texts(found):
    return [item["insertText"] for item in found]


def spot(line, character):
    place = {"line": line, "character": character}
    return {"start": place, "end": place}


def executions(client):
    return len(client.user.recorded())


def test_what_the_model_writes_is_proposed_at_the_cursor(client):
    assert client.said["inlineCompletionProvider"] == {}
    client.open(URI, TEXT)
    [item] = items(client, URI, (1, 4))
    assert (item["insertText"], item["range"]) == (WRITTEN, spot(1, 4))
