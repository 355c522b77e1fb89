"""A model's fixes in the editor: a real language server, worker and daemon, and a script that answers exact texts."""

import json
import time

import pytest

from codetune_server.errors import CHANGED

FAILED = -32803
CANCELLED = -32800
TEXT = """\
import yaml


def read(text):
    return yaml.load(text)
"""


def fix(replacement, quote=None, *more):
    pairs = [(quote or BAD, replacement), *more]
    edits = [{"quote": of, "replacement": new} for of, new in pairs]
    return json.dumps({"edits": edits, "explanation": "Plain data only."})


BAD = "return yaml.load(text)"
SAFE = "return yaml.safe_load(text)"
INVENTED = fix("return strictyaml_real.load(text)", BAD, ("import yaml", "import yaml\nimport strictyaml_real"))
LONG = fix(f"# {' '.join(f'word{n}' for n in range(2000))}\n    {SAFE}")
ANSWERS = {
    "FIX_GOOD": [fix(SAFE)],
    "FIX_REPAIRED": [fix("return yaml.safe_loadd(text)"), fix(SAFE)],
    "FIX_INVENTED": [fix("return yaml.safe_loadd(text)"), INVENTED],
    "FIX_WORSE": [fix("return eval(text)"), fix("return eval(text)")],
    "FIX_BEYOND": [fix("import pickle", "import yaml"), fix("import pickle", "import yaml")],
    "FIX_NOTHING": [json.dumps({"edits": [], "explanation": "It is meant so."})],
    "FIX_ABSENT": [fix(SAFE, "return toml.load(text)"), fix(SAFE, "return  yaml.load( text )")],
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
CAPABILITIES = {
    "textDocument": {
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}},
            "tagSupport": {"valueSet": [1]},
            "isPreferredSupport": True,
        }
    },
    "workspace": {
        "applyEdit": True,
        "workspaceEdit": {"documentChanges": True, "changeAnnotationSupport": {"groupsOnLabel": False}},
    },
    "window": {"workDoneProgress": True},
}


@pytest.fixture(scope="module")
def client(user, raw_client):
    with raw_client.RawClient(raw_client.SERVER) as started:
        started.user = user
        started.initialize(capabilities=CAPABILITIES)
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


@pytest.mark.parametrize("name", ["FIX_REPAIRED", "FIX_ABSENT"])
def test_a_candidate_that_fails_is_repaired_once_with_the_reason(client, name):
    _, entry = opened(client, name)
    running = choose(client, entry, workDoneToken="t")
    params = answer_request(client, "workspace/applyEdit", {"applied": True})
    assert [edit["newText"] for edit in params["edit"]["documentChanges"][0]["edits"]] == [SAFE]
    done = ended(client, running)["result"]
    assert (done["applied"], done["repaired"], done["dropped"]) == (True, 1, 0)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("FIX_INVENTED", "strictyaml_real"),
        ("FIX_WORSE", "the edit brings new findings"),
        ("FIX_BEYOND", "outside the code that was to be changed"),
    ],
)
def test_a_candidate_that_fails_twice_is_dropped_and_counted_and_nothing_is_edited(client, name, reason):
    _, entry = opened(client, name)
    done = ended(client, choose(client, entry, workDoneToken="t"))["result"]
    assert (done["applied"], done["verified"], done["repaired"], done["dropped"]) == (False, "", 1, 1)
    assert done["reason"].startswith("1 attempt was dropped: ")
    assert reason in done["reason"], done
    said = [each["params"]["message"] for each in client.seen if each.get("method") == "window/showMessage"]
    assert [reason in message for message in said] == [True]
    logged = [each["params"]["message"] for each in client.seen if each.get("method") == "window/logMessage"]
    assert any("1 attempt was dropped" in message for message in logged)
    assert not asked_to_edit(client)


def test_what_a_model_says_instead_of_a_fix_is_told(client):
    _, entry = opened(client, "FIX_NOTHING")
    refused = ended(client, choose(client, entry, workDoneToken="t"))["error"]
    assert refused == {"code": FAILED, "message": "The model mends nothing here. It is meant so."}


def test_the_finding_is_gone_from_the_text_with_the_fix(client):
    uri, entry = opened(client, "FIX_GOOD")
    choose(client, entry, workDoneToken="t")
    answer_request(client, "workspace/applyEdit", {"applied": True})
    client.change(uri, 2, {"text": TEXT.replace("yaml.load", "yaml.safe_load")})
    deadline = time.monotonic() + 60
    while any("YAML" in each["title"] for each in menu(client, uri)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def until_tokens(client, token):
    def counts(seen):
        value = seen.get("params", {}).get("value", {}) if seen.get("method") == "$/progress" else {}
        return seen.get("params", {}).get("token") == token and "tokens" in (value.get("message") or "")

    client.wait_for(counts, 60)


def until_cancelled(client, before):
    deadline = time.monotonic() + 60
    while [row[0] for row in client.user.recorded()[before:]] != ["cancelled"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_text_that_changes_stops_the_model_at_once_and_nothing_is_edited(client):
    uri, entry = opened(client, "FIX_SLOW")
    before = len(client.user.recorded())
    running = choose(client, entry, workDoneToken="e")
    until_tokens(client, "e")
    client.change(uri, 2, {"text": f"{TEXT}# FIX_SLOW\n"})
    refused = ended(client, running)["error"]
    assert (refused["code"], refused["message"]) == (FAILED, CHANGED)
    until_cancelled(client, before)
    assert not asked_to_edit(client)


def test_cancelling_the_progress_stops_the_model(client):
    _, entry = opened(client, "FIX_SLOW")
    before = len(client.user.recorded())
    running = choose(client, entry, workDoneToken="c")
    until_tokens(client, "c")
    client.notify("window/workDoneProgress/cancel", {"token": "c"})
    assert ended(client, running)["error"]["code"] == CANCELLED
    until_cancelled(client, before)
    assert not asked_to_edit(client)


def test_an_entry_that_is_resolved_says_in_its_title_what_was_verified(client):
    uri, entry = opened(client, "FIX_GOOD")
    unresolved = {key: value for key, value in entry.items() if key != "command"}
    resolved = client.ask("codeAction/resolve", unresolved)
    title = "Fix with tiny: YAML that can build any object (verified: parses, names, rescan)"
    assert (resolved["title"], resolved["isPreferred"]) == (title, True)
    (change,) = resolved["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": uri, "version": 1}
    assert [edit["newText"] for edit in change["edits"]] == [SAFE]
    assert client.ask("codeAction/resolve", entry) == entry  # a command edits by itself


def test_an_entry_whose_fix_does_not_hold_resolves_to_what_is_wrong(client):
    _, entry = opened(client, "FIX_WORSE")
    unresolved = {key: value for key, value in entry.items() if key != "command"}
    refused = ended(client, client.request("codeAction/resolve", unresolved))["error"]
    assert (refused["code"], "new findings" in refused["message"]) == (FAILED, True)
