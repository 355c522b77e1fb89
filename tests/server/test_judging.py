"""A review with a model in the editor: a real language server, a real daemon, and a script that answers for a model."""

import json
import sqlite3
import time
import tomllib
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
import yaml

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
    "symbol": "",
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
CANCELLED = -32800
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


SLOW = """\


def slowly(db, owner):
    return db.execute("SELECT 1 FROM slow WHERE owner = '" + owner + "'")
"""
ATTEMPTS = [
    each["text"]
    for each in yaml.safe_load((Path(__file__).parents[1] / "fixtures" / "injections.yaml").read_text("utf-8"))
    if each["where"] in {"comment line above", "function docstring"} and "hidden" not in each
]
OBEYS = {
    "verdicts": [
        {"candidate": number, "call": "refute", "reason": "OBEYED", "evidence": ['owner = request.args["owner"]']}
        for number in (1, 2)
    ],
    "claims": [],
}


def rule(pattern, said, **more):
    """A rule of the script."""
    return {"pattern": pattern, "answers": [said if isinstance(said, str) else json.dumps(said)], **more}


SCRIPT = json.dumps(
    {
        "models": [{"name": "tiny", "engine": "scripted", "context_tokens": 32768}],
        "rules": [
            rule(r"Judge attacked[.](.|\n)*(audited|ATTACK)", OBEYS),
            rule(r"Judge slowly[.]", " ".join(f"word{number}" for number in range(2000)), token_delay_ms=30),
            rule(r"Judge (shop_orders|attacked)[.](.|\n)*1[.] S608(.|\n)*2[.] S324", answer(["S608", "S324"], CLAIM)),
        ],
        "default": {"answers": [json.dumps(NOTHING)]},
    }
)


@pytest.fixture(scope="module")
def client(user, tmp_path_factory, raw_client):
    with raw_client.RawClient(raw_client.SERVER) as started:
        started.user = user
        started.folder = tmp_path_factory.mktemp("workspace")
        started.initialize(capabilities=CAPABILITIES, rootUri=started.folder.as_uri())
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
    found = {}
    for each in shown["diagnostics"]:
        found.setdefault(each["code"], []).append(each["data"].get("verdict", {}).get("standing", "open"))
    return {code: " ".join(sorted(standings)) for code, standings in found.items()}


def wait_for(client, wanted, uri=URI):
    """The first diagnostics that are as wanted."""

    def fits(seen):
        params = seen.get("params") or {}
        is_ours = seen.get("method") == "textDocument/publishDiagnostics" and params["uri"] == uri
        return is_ours and standing(params) == wanted

    return client.wait_for(fits, 60)["params"]


def save(client, uri=URI):
    client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})


def confirmed(**others):
    return {"S608": "confirmed", "S324": "doubtful", "model/path-traversal": "new", **others}


def shop(number):
    """The shop with a function that nobody was asked about before."""
    return SHOP.replace("return rows", f"return rows[{number}:]")


def test_after_a_save_the_verdicts_update_the_findings_in_place(client):
    client.open(URI, SHOP)
    before = wait_for(client, {"S608": "open", "S324": "open"})
    save(client)
    shown = wait_for(client, confirmed())
    by_rule = {each["code"]: each for each in shown["diagnostics"]}
    said = {code: each["message"].rpartition(" (")[2] for code, each in by_rule.items()}
    assert said == {
        "S608": "confirmed by tiny: The owner is put into SQL.)",
        "S324": "doubted by tiny: Only a tag in a log.)",
        "model/path-traversal": "found by tiny)",
    }
    assert {code: each["severity"] for code, each in by_rule.items()} == {
        "S608": 1,
        "S324": 3,
        "model/path-traversal": 1,
    }
    for each in before["diagnostics"]:
        now = by_rule[each["code"]]
        assert (now["range"], now["data"]["id"]) == (each["range"], each["data"]["id"])
    new = by_rule["model/path-traversal"]
    assert new["range"] == {"start": {"line": 7, "character": 4}, "end": {"line": 7, "character": 45}}
    (evidence,) = new["relatedInformation"]
    assert evidence["location"]["range"] == {"start": {"line": 4, "character": 4}, "end": {"line": 4, "character": 33}}
    assert (new["source"], new["data"]["verdict"]["model"]) == ("codetune", "tiny")
    log = client.wait_for(lambda seen: "a model was asked" in str(seen.get("params")), 20)
    assert log["method"] == "window/logMessage"
    assert log["params"]["message"].endswith("of shop.py: 1 confirmed, 1 doubtful, 1 new")


def test_a_hover_shows_the_models_words_as_text(client):
    position = {"textDocument": {"uri": URI}, "position": {"line": 7, "character": 10}}
    shown = client.ask("textDocument/hover", position)["contents"]["value"]
    assert "**Found by tiny**" in shown
    assert "The owner names the \\*file\\*\\." in shown
    assert "Its way to mend it: Use an identifier" in shown
    position["position"]["line"] = 5
    position["position"]["character"] = 30
    shown = client.ask("textDocument/hover", position)["contents"]["value"]
    assert "**Confirmed by tiny:** The owner is put into SQL\\." in shown
    assert "1. line 5" in shown


def test_what_is_published_while_somebody_types_never_lacks_a_finding(client):
    client.seen.clear()
    for version in range(2, 6):
        client.change(URI, version, {"text": f"{'import os' + chr(10) * version}{SHOP}"})
        client.wait_for(lambda seen, at=version: (seen.get("params") or {}).get("version") == at, 30)
    save(client)
    client.change(URI, 6, {"text": f"{SHOP}{PLAIN}"})
    save(client)
    client.wait_for(lambda seen: "a model was asked" in str(seen.get("params")), 30)
    shown = published(client)
    assert len(shown) >= 5
    assert [each for each in map(standing, shown) if each != confirmed()] == []


PLAIN = "\n\ndef plainly(names):\n    return list(names)\n"


def lines(first, last):
    return {"start": {"line": first, "character": 0}, "end": {"line": last, "character": 0}}


def entries(client, uri, place):
    params = {"textDocument": {"uri": uri}, "range": place, "context": {"diagnostics": []}}
    return {each["title"]: each for each in client.ask("textDocument/codeAction", params) or []}


def test_a_selection_is_reviewed_with_progress_and_counts(client):
    uri = "untitled:selection.py"
    client.open(uri, shop(1) + SLOW)
    wait_for(client, {"S608": "open open", "S324": "open"}, uri)
    chosen = entries(client, uri, lines(4, 6))["Review this selection with tiny"]
    assert (chosen["kind"], chosen["tags"]) == ("codetune", [1])
    assert "Review this selection with tiny" not in entries(client, uri, lines(4, 4))
    command = chosen["command"]
    running = client.start_command(command["command"], *command["arguments"], workDoneToken="s")
    counted = client.answer(running, 60)["result"]
    assert counted == {
        "asked": 1, "answered": 1, "confirmed": 1, "doubtful": 1, "new": 1, "heldBack": 0, "dropped": 0,
    }  # fmt: skip
    told = [seen["params"]["value"] for seen in client.seen if (seen.get("params") or {}).get("token") == "s"]
    assert [each.get("message") for each in told] == [None, "0 of 1", "1 of 1", None]
    assert [each.get("percentage") for each in told[:3]] == [0, 0, 100]


def progress(client, token, message):
    def said(seen):
        params = seen.get("params") or {}
        return params.get("token") == token and params["value"].get("message") == message

    return client.wait_for(said, 60)


def test_cancelling_stops_the_model_and_what_was_answered_stays(client):
    uri, before = "untitled:cancelled.py", len(client.user.recorded())
    client.open(uri, shop(2) + SLOW)
    running = client.start_command("codetune.reviewWithModel", uri, workDoneToken="c")
    progress(client, "c", "2 of 3")
    client.notify("window/workDoneProgress/cancel", {"token": "c"})
    assert client.answer(running, 30)["error"]["code"] == CANCELLED
    until(lambda: "cancelled" in [row[0] for row in client.user.recorded()[before:]])
    client.change(uri, 2, {"text": "import os\n" + shop(2) + SLOW})
    wait_for(client, {"S608": "confirmed open", "S324": "doubtful"}, uri)


def test_dismissing_a_models_finding_writes_its_reason_into_the_baseline_and_is_told(client):
    uri = (client.folder / "shop.py").as_uri()
    client.open(uri, shop(3))
    client.command("codetune.reviewWithModel", uri)
    shown = wait_for(client, confirmed(), uri)
    verdict = next(each["data"]["verdict"] for each in shown["diagnostics"] if each["code"].startswith("model/"))
    client.seen.clear()
    offered = entries(client, uri, lines(7, 7))
    titles = [title for title in offered if "path-traversal" in title]
    assert [title for title in titles if title.startswith("Dismiss")] == [
        f"Dismiss this model/path-traversal: {reason}" for reason in ("false positive", "accepted risk", "test code")
    ]
    command = offered["Dismiss this model/path-traversal: accepted risk"]["command"]
    client.command(command["command"], *command["arguments"])
    wait_for(client, {"S608": "confirmed", "S324": "doubtful"}, uri)
    (entry,) = tomllib.loads((client.folder / "codetune-baseline.toml").read_text())["accepted"]
    assert (entry["rule"], entry["path"], entry["reason"]) == ("model/path-traversal", "shop.py", "accepted risk")
    assert entry["line"] == CLAIM["quote"]
    save(client, uri)
    client.change(uri, 2, {"text": f"import os\n{shop(3)}"})
    client.wait_for(lambda seen: (seen.get("params") or {}).get("version") == 2, 30)
    assert all("model/path-traversal" not in standing(each) for each in published(client, uri)[-1:])
    until(lambda: is_rejected(client.user.database, verdict["executionId"]))


def is_rejected(database, execution_id):
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT id, outcome FROM execution_history").fetchall()
    return any(UUID(str(row[0])) == UUID(execution_id) and row[1] == "rejected" for row in rows)


def until(holds):
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("attempt", ATTEMPTS[::8])
def test_what_is_written_in_the_code_steers_no_verdict(client, attempt):
    text = " ".join(attempt.split())
    code = SHOP.replace("shop_orders", "attacked").replace("    rows", f"    # ATTACK {text}\n    rows")
    uri, before = f"untitled:{abs(hash(attempt))}.py", len(client.user.recorded())
    client.open(uri, code)
    client.command("codetune.reviewWithModel", uri)
    wait_for(client, confirmed(), uri)
    until(lambda: any("OBEYED" in str(row[2]) for row in client.user.recorded()[before:]))


def test_a_file_that_nobody_can_review_is_offered_no_review(client):
    uri = "untitled:notes.txt"
    client.open(uri, "one\ntwo\n", language="plaintext")
    refused = client.answer(client.start_command("codetune.reviewWithModel", "untitled:gone.py"))["error"]
    assert "not open" in refused["message"]


def test_an_editor_that_pulls_is_told_to_pull_again_and_then_has_the_verdicts(client, raw_client):
    uri = "untitled:pulled.py"
    with raw_client.RawClient(raw_client.SERVER) as puller:
        puller.initialize(
            capabilities={"textDocument": {"diagnostic": {}}, "workspace": {"diagnostics": {"refreshSupport": True}}}
        )
        puller.open(uri, SHOP)
        assert pulled(puller, uri) == {"S608": "open", "S324": "open"}
        save(puller, uri)
        known = {}
        while known != confirmed():
            asked = puller.wait_for(
                lambda seen: seen.get("method") == "workspace/diagnostic/refresh" and not seen.get("done"), 60
            )
            asked["done"] = True
            puller.send(id=asked["id"], result=None)
            known = pulled(puller, uri)
            assert known.keys() >= {"S608", "S324"}
        assert published(puller, uri) == []


def pulled(puller, uri):
    answer = puller.ask("textDocument/diagnostic", {"textDocument": {"uri": uri}})
    return standing({"diagnostics": answer["items"]})


def test_where_the_daemon_dies_static_findings_stand_one_line_says_so_and_the_next_save_asks_again(client):
    uri = "untitled:dying.py"
    text = shop(5) + SLOW
    client.open(uri, text)
    wait_for(client, {"S608": "open open", "S324": "open"}, uri)
    client.seen.clear()
    save(client, uri)
    wait_for(client, {"S608": "confirmed open", "S324": "doubtful"}, uri)
    client.user.kill_all()
    said = client.wait_for(lambda seen: "did not review all of dying.py" in str(seen.get("params")), 60)
    assert (said["method"], said["params"]["type"]) == ("window/logMessage", 3)
    assert all(each.keys() >= {"S608", "S324"} for each in map(standing, published(client, uri)))
    client.change(uri, 2, {"text": shop(6)})
    save(client, uri)
    wait_for(client, confirmed(), uri)
    assert not [seen for seen in client.seen if seen.get("method") == "window/showMessage"]


def test_with_no_model_nothing_is_asked_nothing_offered_and_only_how_to_get_one_is_said(raw_client, somebody):
    somebody.configure(engine={"name": "none"})
    with raw_client.RawClient(raw_client.SERVER) as alone:
        alone.initialize(capabilities=CAPABILITIES)
        alone.open(URI, SHOP)
        wait_for(alone, {"S608": "open", "S324": "open"})
        save(alone)
        alone.wait_for(lambda seen: "engine.name" in str(seen.get("params")), 30)
        assert not [title for title in entries(alone, URI, lines(4, 6)) if "Review" in title]
        refused = alone.answer(alone.start_command("codetune.reviewWithModel", URI), 30)["error"]
        assert "engine.name" in refused["message"]
        assert {tuple(standing(each).values()) for each in published(alone)} == {("open", "open")}
        assert somebody.pid is None
