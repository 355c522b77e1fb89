"""What a person sees of a model at work: a page that grows, its text under a token, a hover, how it stands."""

import json
import os
import signal
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import hub_cache
import pytest

from codetune_core.models.catalogue import read_catalogue
from codetune_core.settings import Settings

CANCELLED = -32800
FAILED = -32803
URI = "untitled:cart.py"
TEXT = """\
import os


def total(prices):
    # slowly
    result = 0
    for price in prices:
        result = result + price
    return result
"""
WORDS = [f"word{number}" for number in range(60)]
CITED = {
    "answered": True,
    "answer": "It adds [1], see [evil](command:evil).",
    "citations": [
        {"source": "cart.py lines 4-9", "quote": "for price in prices: result = result + price"},
        {"source": "cart.py lines 4-9", "quote": "import os"},
        {"source": "elsewhere", "quote": "nothing like it"},
    ],
}
SCRIPT = f"""\
models: [{{name: tiny, engine: scripted, context_tokens: 16384}}]
rules:
  - {{contains: SPENT, fault: {{kind: budget_spent, message: "the budget of the day is spent"}}}}
  - {{contains: ENDLESS, token_delay_ms: 30, answers: ["{" ".join(f"word{n}" for n in range(4000))}"]}}
  - {{contains: GROWING, token_delay_ms: 30, answers: ["{" ".join(WORDS)}"]}}
  - {{contains: "from the passages", answers: [{json.dumps(json.dumps(CITED))}]}}
default: {{answers: ["It **adds** numbers."]}}
"""
WHOLE = {
    "workspace": {"textDocumentContent": {}, "applyEdit": True, "workspaceEdit": {"documentChanges": True}},
    "window": {"showDocument": {"support": True}, "workDoneProgress": True},
    "textDocument": {
        "codeAction": {"codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}}},
        "hover": {"contentFormat": ["markdown"]},
    },
    "experimental": {"codetuneStatus": True},
}
HOVERS = {"textDocument": {"hover": {"contentFormat": ["markdown"]}}}


@pytest.fixture(scope="module")
def editor(user, raw_client):
    """An editor that can do everything."""
    with raw_client.RawClient(raw_client.SERVER) as client:
        client.offered = client.initialize(capabilities=WHOLE)["capabilities"]
        yield client


@pytest.fixture
def client(editor):
    return opened(editor)


def opened(client, text=TEXT):
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    client.open(URI, text)
    client.seen.clear()
    return client


def lines(first, last):
    return {"start": {"line": first, "character": 0}, "end": {"line": last, "character": 0}}


def explain(client, question, **tokens):
    """Ask for an explanation of the function; returns the id of the request."""
    tokens = {"workDoneToken": "t", **tokens}
    return client.start_command(
        "codetune.runAction", "explain-code", URI, 1, lines(3, 9), {"question": question}, **tokens
    )


def asked(client, method, seconds=30):
    """The next request of the server's own with this method that is not answered yet."""
    return client.wait_for(lambda seen: seen.get("method") == method and "id" in seen and not seen.get("done"), seconds)


def grant(client, request, result):
    request["done"] = True
    client.send(id=request["id"], result=result)
    return request["params"]


def content(client, uri):
    return client.ask("workspace/textDocumentContent", {"uri": uri})["text"]


def statuses(client):
    return [seen["params"] for seen in client.seen if seen.get("method") == "codetune/status"]


def progressed(client, token):
    return [
        seen["params"]["value"]
        for seen in client.seen
        if seen.get("method") == "$/progress" and seen["params"]["token"] == token
    ]


def test_an_explanation_grows_in_the_document_that_the_editor_reads_from_the_server(client):
    assert client.offered["workspace"]["textDocumentContent"] == {"schemes": ["codetune"]}
    running = explain(client, "GROWING", workDoneToken="w")
    shown = grant(client, asked(client, "window/showDocument"), {"success": True})
    assert shown["uri"].startswith("codetune:/")
    first = content(client, shown["uri"])
    assert "word0" in first
    assert "word59" not in first
    assert first.endswith("_tiny is answering_\n")
    reads = [first]
    while "answered by tiny" not in reads[-1]:
        refresh = grant(client, asked(client, "workspace/textDocumentContent/refresh"), None)
        assert refresh == {"uri": shown["uri"]}
        reads.append(content(client, shown["uri"]))
    assert client.answer(running, 30)["result"]["output"] == " ".join(WORDS)
    assert len(reads) > 3
    assert reads[-1].endswith("_explain-code, version 1, answered by tiny_\n")
    assert not [seen for seen in client.seen if seen.get("method") == "window/showMessage"]


def test_the_text_is_sent_under_the_token_that_the_client_gave_and_counted_for_people(client):
    running = client.start_command(
        "codetune.runPrompt",
        {"prompt": "explain-code", "task": "explain", "variables": {"code": "GROWING = 1", "language": "python"}},
        workDoneToken="w",
        partialResultToken="p",
    )
    output = client.answer(running, 30)["result"]["output"]
    pieces = progressed(client, "p")
    assert len(pieces) > 3
    assert all(set(piece) == {"text"} for piece in pieces)
    assert "".join(piece["text"] for piece in pieces) == output == " ".join(WORDS)
    counted = [value["message"] for value in progressed(client, "w") if value["kind"] == "report"]
    assert counted[-1].endswith(" tokens")
    assert progressed(client, "w")[0]["cancellable"] is True


def test_cancelling_in_the_middle_stops_the_model_and_the_page_says_so(client, user):
    before = len(user.recorded())
    running = explain(client, "ENDLESS", workDoneToken="c")
    shown = grant(client, asked(client, "window/showDocument"), {"success": True})
    client.notify("window/workDoneProgress/cancel", {"token": "c"})
    assert client.answer(running, 30)["error"]["code"] == CANCELLED
    deadline = time.monotonic() + 30
    while [row[0] for row in user.recorded()[before:]] != ["cancelled"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert content(client, shown["uri"]).endswith("_It was stopped before its end._\n")
    assert "word3999" not in content(client, shown["uri"])


@pytest.mark.parametrize("answer", [{"success": False}, None, {}], ids=["no", "null", "nothing"])
def test_an_editor_that_does_not_open_the_page_is_shown_a_file(client, answer):
    running = explain(client, "Why?")
    assert grant(client, asked(client, "window/showDocument"), answer)["uri"].startswith("codetune:")
    shown = grant(client, asked(client, "window/showDocument"), {"success": True})
    assert "It **adds** numbers." in Path(unquote(urlsplit(shown["uri"]).path)).read_text()
    assert client.answer(running, 30)["result"]["applied"] is False


def test_a_question_is_answered_with_links_to_exactly_what_is_quoted(client):
    asking = client.start_command("codetune.ask", URI, "What does it do?", lines(3, 9), workDoneToken="t")
    shown = grant(client, asked(client, "window/showDocument"), {"success": True})
    assert client.answer(asking, 30)["result"]["model"] == "tiny"
    page = content(client, shown["uri"])
    assert page.startswith(f"# Ask about this\n\n[cart.py, lines 4 to 9](<{URI}#L4-L9>)\n\nIt adds [1], see [evil]\\(")
    assert f"- [lines 7 to 8](<{URI}#L7-L8>)\n" in page
    assert f"- [line 1](<{URI}#L1>)\n" in page
    assert "- not found in the code:\n" in page


@pytest.mark.parametrize("arguments", [(), ("",), ("What is it for?", None, 1)])
def test_without_a_range_the_whole_file_is_asked_about_and_without_a_question_what_it_does(client, arguments):
    asking = client.start_command("codetune.ask", URI, *arguments, workDoneToken="t")
    shown = grant(client, asked(client, "window/showDocument"), {"success": True})
    assert "error" not in client.answer(asking, 30)
    assert f"[cart.py, lines 1 to 9](<{URI}#L1-L9>)" in content(client, shown["uri"])


def test_the_entry_of_the_menu_leaves_the_question_s_place_empty_for_the_client_to_fill(client):
    client.command("codetune.status")
    params = {"textDocument": {"uri": URI}, "range": lines(0, 1), "context": {"diagnostics": []}}
    entries = client.ask("textDocument/codeAction", params)
    [found] = [each for each in entries if each["command"]["command"] == "codetune.ask"]
    assert found["title"] == "Ask about this with tiny"
    assert found["command"]["arguments"] == [URI, "", lines(0, 1), 1]


def test_a_file_that_is_not_open_is_not_asked_about(client):
    refused = client.answer(client.start_command("codetune.ask", "untitled:gone.py", "?"), 30)["error"]
    assert (refused["code"], "not open" in refused["message"]) == (FAILED, True)


def test_an_editor_that_opens_nothing_reads_the_answer_in_a_hover_at_its_code(user, raw_client):
    with raw_client.RawClient(raw_client.SERVER) as client:
        client.initialize(capabilities=HOVERS)
        opened(client)
        assert client.answer(explain(client, "Why?"), 30)["result"]["model"] == "tiny"
        told = client.called("window/showMessage", 30)["params"]["message"]
        assert told == "Explain code is here: hover over line 4 of cart.py to read it."
        client.change(URI, 2, {"text": f"# above\n{TEXT}"})
        at = {"textDocument": {"uri": URI}, "position": {"line": 5, "character": 1}}
        shown = client.ask("textDocument/hover", at)["contents"]
        assert (shown["kind"], "It **adds** numbers." in shown["value"]) == ("markdown", True)
        assert client.ask("textDocument/hover", {**at, "position": {"line": 1, "character": 0}}) is None
        assert statuses(client) == []


def test_how_it_stands_is_told_where_it_changes_and_answered_when_asked(client):
    ready = {"state": "ready", "text": "tiny can be asked", "model": "tiny"}
    assert client.command("codetune.status") == ready
    refused = client.answer(explain(client, "SPENT"), 30)["error"]
    assert "the budget of the day is spent" in refused["message"]
    spent = {"state": "overBudget", "text": "the budget of the day is spent"}
    assert client.command("codetune.status") == spent
    running = explain(client, "Why? Again.")
    grant(client, asked(client, "window/showDocument"), {"success": True})
    assert "error" not in client.answer(running, 30)
    assert statuses(client) == [spent, ready]
    said = [seen["params"] for seen in client.seen if seen.get("method") == "window/logMessage"]
    assert [(each["type"], each["message"]) for each in said] == [
        (2, "CodeTune: the budget of the day is spent"),
        (3, "CodeTune: tiny can be asked"),
    ]


def test_a_daemon_that_ends_over_an_answer_is_told_and_the_next_answer_ends_that(client, user):
    running = explain(client, "ENDLESS once more")
    grant(client, asked(client, "window/showDocument"), {"success": True})
    os.kill(user.pid, signal.SIGKILL)
    assert "error" in client.answer(running, 60)
    assert [each["state"] for each in statuses(client)] == ["offline"]
    client.seen.clear()
    running = explain(client, "Why? And again.")
    grant(client, asked(client, "window/showDocument", 60), {"success": True})
    assert "error" not in client.answer(running, 60)
    assert client.command("codetune.status")["state"] == "ready"


@pytest.mark.slow
def test_a_model_that_was_fetched_lets_the_daemon_look_for_who_answers(raw_client, somebody, monkeypatch, tmp_path):
    first = next(iter(read_catalogue(Settings().models).models.values()))
    hub_cache.put(tmp_path, first.id, {"config.json": "{}"})
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    somebody.configure(engine={"name": "auto"})
    with raw_client.RawClient(raw_client.SERVER) as client:
        client.initialize(capabilities=WHOLE)
        assert client.answer(client.start_command("codetune.status"), 60)["result"]["state"] == "noModel"
        assert somebody.pid is not None
