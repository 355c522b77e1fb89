"""Six language servers of one user on one daemon, whose scripted engine tells each something else."""

import json
import os
import signal
import time
from pathlib import Path

import daemons
import psutil
import pytest

COUNT = 6
MOST_MEGABYTES = 80
FAILED = -32803
TEXT = "import ftplib\n\n\ndef {marker}(text):\n    return ftplib.FTP(text)\n"
BAD = "return ftplib.FTP(text)"
CAPABILITIES = {
    "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
    "window": {"workDoneProgress": True},
}


def fix(number, more=""):
    edits = [{"quote": BAD, "replacement": f"return int(text)  # fixed by {number}{more}"}]
    return json.dumps({"edits": edits, "explanation": "x"})


def verdict(number):
    said = {"candidate": 1, "call": "confirm", "reason": f"seen by {number}", "evidence": ["text"]}
    return json.dumps({"verdicts": [said], "claims": []})


def script():
    """An answer for each editor, and one that takes a minute."""
    rules = {f"{kind}_{n}": answer(n) for n in range(COUNT) for kind, answer in (("FIX", fix), ("JUDGE", verdict))}
    lines = [f"  - {{contains: {marker}, answers: [{json.dumps(answer)}]}}" for marker, answer in rules.items()]
    slow = fix(9, " word" * 2000)
    lines.append(f"  - {{contains: SLOW, token_delay_ms: 30, answers: [{json.dumps(slow)}]}}")
    models = "models: [{name: tiny, engine: scripted, context_tokens: 16384}]"
    return "\n".join([models, "rules:", *lines, 'default: {answers: ["?"]}'])


@pytest.fixture(scope="module")
def sqlite_template(sqlite_starters):
    return sqlite_starters


@pytest.fixture
def user(sqlite_url, monkeypatch):
    with daemons.user(sqlite_url, monkeypatch) as somebody:
        somebody.scripted(script())
        yield somebody


def opened(client, marker):
    """A document with a finding, and the finding's id."""
    uri = f"untitled:{marker}.py"
    client.open(uri, TEXT.format(marker=marker))
    params = client.wait_for(lambda seen: found_in(seen, uri), 60)["params"]
    return uri, params["diagnostics"][0]["data"]["id"]


def found_in(seen, uri):
    is_of = seen.get("method") == "textDocument/publishDiagnostics" and seen["params"]["uri"] == uri
    return is_of and seen["params"]["diagnostics"]


def check_all_answered(clients, turn):
    """All of them review one document and fix another, at once."""
    running = [begin(client, number, turn) for number, client in enumerate(clients)]
    for number, client in enumerate(clients):
        check_answered(client, number, running[number])


def begin(client, number, turn):
    client.seen.clear()
    judged, _ = opened(client, f"JUDGE_{number}_{turn}")
    mended, finding = opened(client, f"FIX_{number}_{turn}")
    review = client.start_command("codetune.reviewWithModel", judged)
    return judged, mended, review, client.start_command("codetune.fixWithModel", mended, 1, finding)


def check_answered(client, number, running):
    """Each editor gets what is its own, and an edit of its own document."""
    judged, mended, review, mending = running
    answer = client.answer(review, 60)
    assert answer["result"] | {"asked": 1, "confirmed": 1, "dropped": 0} == answer["result"]
    client.wait_for(lambda seen: f"seen by {number})" in json.dumps(found_in(seen, judged)), 60)
    asked = client.called("workspace/applyEdit", 60)
    (change,) = asked["params"]["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": mended, "version": 1}
    assert [each["newText"] for each in change["edits"]] == [f"return int(text)  # fixed by {number}"]
    client.send(id=asked["id"], result={"applied": True})
    assert client.answer(mending, 60)["result"]["applied"]


def until_tokens(client, token):
    def counts(seen):
        params = seen.get("params") or {}
        return seen.get("method") == "$/progress" and params["token"] == token and "tokens" in json.dumps(params)

    client.wait_for(counts, 60)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_six_servers_review_and_fix_at_once_on_one_daemon_and_go_on_when_it_is_killed(user, raw_client):
    clients = [raw_client.RawClient(raw_client.SERVER) for _ in range(COUNT)]
    try:
        for client in clients:
            client.initialize(capabilities=CAPABILITIES)
        check_all_answered(clients, "first")
        first = user.pid
        log = Path(user.files.log)
        assert log.read_text().count("codetune serve listens on") == 1
        servers = [psutil.Process(client.process.pid) for client in clients]
        assert max(server.memory_info().rss for server in servers) / 1e6 < MOST_MEGABYTES

        # Killed in the middle: what runs fails in words, edits nothing, and whoever asks next has another daemon.
        uri, finding = opened(clients[0], "SLOW")
        going = clients[0].start_command("codetune.fixWithModel", uri, 1, finding, workDoneToken="slow")
        until_tokens(clients[0], "slow")
        os.kill(first, signal.SIGKILL)
        told = clients[0].answer(going, 60)["error"]
        assert (told["code"], "engine_lost" in told["message"]) == (FAILED, True)
        check_all_answered(clients, "second")
        assert user.pid not in {None, first}
        assert log.read_text().count("codetune serve listens on") == 2
        assert max(server.memory_info().rss for server in servers) / 1e6 < MOST_MEGABYTES
        below = [child for server in servers for child in server.children(recursive=True)]
    finally:
        for client in clients:
            client.__exit__()
    deadline = time.monotonic() + 30
    while left := [child for child in below if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)
