"""A review with a model in the editor: a real language server, a real daemon, and a script that answers for a model."""

import json
from pathlib import Path

import daemons
import pytest

SHOP = """\
import hashlib


def shop_orders(db, request):
    owner = request.args["owner"]
    rows = db.execute("SELECT * FROM orders WHERE owner = '" + owner + "'")
    tag = hashlib.md5(owner.encode()).hexdigest()
    log = open("/var/log/shop/" + owner, "a")
    log.write(tag)
    return rows


def shop_names(names):
    return sorted(names)
"""
VERDICTS = {
    "S608": {"call": "confirm", "reason": "The owner is put into SQL.", "evidence": ['owner = request.args["owner"]']},
    "S324": {"call": "refute", "reason": "Only a tag in a log.", "evidence": ["log.write(tag)"]},
}
CLAIM = {
    "quote": 'log = open("/var/log/shop/" + owner, "a")',
    "symbol": "shop_orders",
    "rule": "path-traversal",
    "cwe": "CWE-22",
    "severity": "high",
    "confidence": "high",
    "message": "The owner names the *file*.",
    "evidence": ['owner = request.args["owner"]'],
    "fix": "Use an identifier.",
}
NOTHING = {"verdicts": [], "claims": []}
URI = "untitled:shop.py"
CAPABILITIES = {
    "textDocument": {
        "publishDiagnostics": {"relatedInformation": True, "versionSupport": True},
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}},
            "tagSupport": {"valueSet": [1]},
        },
        "hover": {"contentFormat": ["markdown"]},
    },
    "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
    "window": {"workDoneProgress": True},
}


def answer(order, *claims):
    """What a model says of candidates in this order of their rules."""
    verdicts = [{"candidate": number, **VERDICTS[rule]} for number, rule in enumerate(order, start=1)]
    return json.dumps({"verdicts": verdicts, "claims": list(claims)})


SCRIPT = f"""\
models: [{{name: tiny, engine: scripted, context_tokens: 32768}}]
rules:
  - {{pattern: "Judge shop_orders(.|\\n)*1[.] S608(.|\\n)*2[.] S324", answers: [{json.dumps(answer(["S608", "S324"], CLAIM))}]}}
default: {{answers: ['{json.dumps(NOTHING)}']}}
"""


@pytest.fixture(scope="module")
def sqlite_template(sqlite_starters):
    return sqlite_starters


@pytest.fixture(scope="module")
def client(sqlite_starters, tmp_path_factory, raw_client):
    """An editor of a user whose daemon ends with the module."""
    database = tmp_path_factory.mktemp("judging") / "codetune.db"
    database.write_bytes(Path(sqlite_starters).read_bytes())
    with pytest.MonkeyPatch.context() as patch, daemons.user(f"sqlite:///{database}", patch) as user:
        user.scripted(SCRIPT)
        with raw_client.RawClient(raw_client.SERVER) as started:
            started.user = user
            started.initialize(capabilities=CAPABILITIES)
            yield started


def published(client, uri=URI):
    """Everything that was published of a document, in order."""
    return [
        seen["params"]
        for seen in client.seen
        if seen.get("method") == "textDocument/publishDiagnostics" and seen["params"]["uri"] == uri
    ]


def standing(shown):
    """Standings by rule; ``open`` for none."""
    return {each["code"]: each["data"].get("verdict", {}).get("standing", "open") for each in shown["diagnostics"]}


def wait_for(client, wanted, uri=URI):
    """The first diagnostics that are as wanted."""

    def fits(seen):
        params = seen.get("params") or {}
        is_ours = seen.get("method") == "textDocument/publishDiagnostics" and params["uri"] == uri
        return is_ours and standing(params) == wanted

    return client.wait_for(fits, 60)["params"]


def save(client, uri=URI):
    client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})


def test_after_a_save_the_verdicts_update_the_findings_in_place(client):
    client.open(URI, SHOP)
    wait_for(client, {"S608": "open", "S324": "open"})
    save(client)
    shown = wait_for(client, {"S608": "confirmed", "S324": "doubtful", "model/path-traversal": "new"})
    by_rule = {each["code"]: each for each in shown["diagnostics"]}
    print(json.dumps(by_rule, indent=1))
    print(client.seen)
