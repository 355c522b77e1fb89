"""A model's fixes in the editor: a real language server, worker and daemon, and a script that answers exact texts."""

import json
import time
from pathlib import Path

import daemons
import pytest

FAILED = -32803
CANCELLED = -32800
TEXT = """\
import yaml


def read(text):
    return yaml.load(text)
"""
GOOD = {"edits": [{"quote": "yaml.load(text)", "replacement": "yaml.safe_load(text)"}], "explanation": "Plain data."}


def fix(replacement, quote="return yaml.load(text)"):
    return json.dumps({"edits": [{"quote": quote, "replacement": replacement}], "explanation": "Plain data only."})


SAFE = "return yaml.safe_load(text)"
LONG = fix(f"# {' '.join(f'word{n}' for n in range(2000))}\n    {SAFE}")
ANSWERS = {
    "FIX_GOOD": [fix(SAFE)],
    "FIX_REPAIRED": [fix("return yaml.safe_loadd(text)"), fix(SAFE)],
    "FIX_INVENTED": [fix("return yaml.safe_loadd(text)"), fix("return strictyaml_real.load(text)")],
    "FIX_WORSE": [fix("return eval(text)"), fix("return eval(text)")],
    "FIX_BEYOND": [fix("import pickle", "import yaml"), fix("import pickle", "import yaml")],
    "FIX_NOTHING": [json.dumps({"edits": [], "explanation": "It is meant so."})],
    "FIX_ABSENT": [fix(SAFE, "return toml.load(text)"), fix(SAFE, "return yaml.load( text )")],
}
RULES = "\n".join(
    f"  - {{contains: {name}, answers: [{', '.join(json.dumps(answer) for answer in answers)}]}}"
    for name, answers in ANSWERS.items()
)
SCRIPT = f"""\
models: [{{name: tiny, engine: scripted, context_tokens: 16384}}]
rules:
{RULES}
  - {{contains: FIX_SLOW, token_delay_ms: 30, answers: [{json.dumps(LONG)}]}}
default: {{answers: ["?"]}}
"""
COMMANDING = {
    "textDocument": {
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}},
            "tagSupport": {"valueSet": [1]},
            "dataSupport": True,
            "isPreferredSupport": True,
            "resolveSupport": {"properties": ["edit"]},
        }
    },
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {"documentChanges": True, "changeAnnotationSupport": {"groupsOnLabel": False}},
    },
    "window": {"workDoneProgress": True},
}


@pytest.fixture(scope="module")
def sqlite_template(sqlite_starters):
    return sqlite_starters


@pytest.fixture(scope="module")
def client(sqlite_starters, tmp_path_factory, raw_client):
    """An editor of a user whose daemon ends with the module."""
    database = tmp_path_factory.mktemp("fixes") / "codetune.db"
    database.write_bytes(Path(sqlite_starters).read_bytes())
    with pytest.MonkeyPatch.context() as patch, daemons.user(f"sqlite:///{database}", patch) as user:
        user.scripted(SCRIPT)
        with raw_client.RawClient(raw_client.SERVER) as started:
            started.user = user
            started.initialize(capabilities=COMMANDING)
            yield started


def opened(client, name):
    """A document whose comment chooses the model's answers, and the entry that mends its finding."""
    client.seen.clear()
    uri = f"untitled:{name}.py"
    client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
    client.open(uri, TEXT.replace("text):", f"text):  # {name}"))
    deadline = time.monotonic() + 60
    while not (found := [each for each in menu(client, uri) if each["title"].startswith("Fix with")]):
        assert time.monotonic() < deadline, client.seen
        time.sleep(0.05)
    return uri, found[0]


def menu(client, uri):
    place = {"start": {"line": 4, "character": 12}, "end": {"line": 4, "character": 12}}
    context = {"diagnostics": []}
    params = {"textDocument": {"uri": uri}, "range": place, "context": context}
    return client.ask("textDocument/codeAction", params) or []


def choose(client, entry, **more):
    command = entry["command"]
    assert command["command"] == "codetune.fixWithModel"
    return client.start_command(command["command"], *command["arguments"], **more)


def answer_request(client, method, result):
    """Answer the next request of the server's own with this method; returns its parameters."""
    asked = client.wait_for(lambda seen: seen.get("method") == method and "id" in seen and not seen.get("done"), 60)
    asked["done"] = True
    client.send(id=asked["id"], result=result)
    return asked["params"]


def ended(client, number):
    return client.answer(number, 60)


def asked_to_edit(client):
    return [each for each in client.seen if each.get("method") == "workspace/applyEdit"]


def test_a_fix_of_a_model_is_checked_and_applied_to_the_version_it_is_of(client):
    uri, entry = opened(client, "FIX_GOOD")
    assert entry["title"] == "Fix with tiny: YAML that can build any object"
    assert (entry["kind"], entry["tags"], entry.get("isPreferred")) == ("quickfix", [1], None)
    running = choose(client, entry, workDoneToken="t")
    params = answer_request(client, "workspace/applyEdit", {"applied": True})
    assert params["label"] == "CodeTune: fix with tiny (verified: parses, names, rescan)"
    (change,) = params["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": uri, "version": 1}
    (edit,) = change["edits"]
    assert edit["newText"] == SAFE
    assert edit["range"] == {"start": {"line": 4, "character": 4}, "end": {"line": 4, "character": 26}}
    (annotation,) = params["edit"]["changeAnnotations"].values()
    assert annotation["needsConfirmation"]
    assert annotation["description"] == "Written by tiny (verified: parses, names, rescan)."
    done = ended(client, running)["result"]
    assert (done["applied"], done["repaired"], done["dropped"]) == (True, 0, 0)
    assert done["verified"] == "verified: parses, names, rescan"
