"""Prompts in the editor's menu: a real language server, a real daemon, and a script that answers with exact texts."""

import json
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psutil
import pytest

from codetune_server.errors import CHANGED

MOST_MEGABYTES = 80
FAILED = -32803
INVALID = -32602
CANCELLED = -32800
URI = "untitled:cart.py"
TEXT = """\
import os


def total(prices):
    result = 0
    for price in prices:
        result = result + price
    return result
"""
SLOW = "untitled:slow.py"
SLOW_TEXT = """\
def slow():
    return "SLOW_ONE"
"""
STEPS = {
    "summary": "Summed by the built-in.",
    "steps": [
        {
            "quote": "    result = 0\n    for price in prices:\n        result = result + price\n    return result",
            "replacement": "    return sum(prices)",
            "reason": "One pass in C.",
        }
    ],
    "risks": [],
}
BEYOND = {"summary": "x", "steps": [{"quote": "import os", "replacement": "import evil", "reason": "y"}]}
LONG = {"code": "def slow():\n    # " + " ".join(f"word{n}" for n in range(2000)) + "\n    return 2\n", "notes": ""}
SHORT = {"code": "def slow():\n    return 2\n", "notes": ""}
CHECKED = "untitled:checked.py"
CHECKED_TEXT = "LIMIT = 3\n\n\n# Say the limit.\ndef limit():\n    return 0\n"


def limit(answer, imports=""):
    return json.dumps(json.dumps({"code": f"{imports}def limit():\n    return {answer}\n", "notes": ""}))


INVENTED = limit("strictyaml_real.LIMIT", "import strictyaml_real\n\n\n")
SCRIPT = f"""\
models: [{{name: tiny, engine: scripted, context_tokens: 16384}}]
rules:
  - {{contains: REPAIRED, answers: [{limit("LIMITS")}, {limit("LIMIT")}]}}
  - {{contains: INVENTED, answers: [{INVENTED}]}}
  - {{contains: WORSE, answers: [{limit("eval('LIMIT')")}]}}
  - {{contains: "Say the limit", answers: [{limit("LIMIT")}]}}
  - {{contains: SHOWN, answers: [{json.dumps(json.dumps(SHORT))}]}}
  - {{contains: FASTER, token_delay_ms: 30, answers: [{json.dumps(json.dumps(LONG))}]}}
  - {{contains: SLOW_ONE, token_delay_ms: 30, answers: [{json.dumps(" ".join(f"word{n}" for n in range(2000)))}]}}
  - {{contains: "Optimize the code for memory", answers: [{json.dumps(json.dumps(BEYOND))}]}}
  - {{contains: "Optimize the code", answers: [{json.dumps(json.dumps(STEPS))}]}}
default: {{answers: ["It **adds** numbers.\\n\\n![x](https://example.org/a.png)"]}}
"""
CAPABILITIES = {
    "textDocument": {
        "codeAction": {
            "codeActionLiteralSupport": {"codeActionKind": {"valueSet": []}},
            "tagSupport": {"valueSet": [1]},
        }
    },
    "workspace": {"applyEdit": True, "workspaceEdit": {"documentChanges": True}},
    "window": {"showDocument": {"support": True}, "workDoneProgress": True},
}


@pytest.fixture(scope="module")
def client(user, raw_client):
    with raw_client.RawClient(raw_client.SERVER) as started:
        started.user = user
        started.initialize(capabilities=CAPABILITIES)
        yield started


@pytest.fixture
def opened(client):
    """The document, opened anew; its version and the text that the editor has."""
    for uri, text in ((URI, TEXT), (SLOW, SLOW_TEXT)):
        client.notify("textDocument/didClose", {"textDocument": {"uri": uri}})
        client.open(uri, text)
    client.seen.clear()
    return client


def lines(first, last):
    return {"start": {"line": first, "character": 0}, "end": {"line": last, "character": 0}}


def menu(client, place, uri=URI, **context):
    params = {"textDocument": {"uri": uri}, "range": place, "context": {"diagnostics": [], **context}}
    return client.ask("textDocument/codeAction", params) or []


def entry(client, prompt, place=None, uri=URI):
    """The entry of a prompt, once the daemon has said what there is."""
    deadline = time.monotonic() + 60
    while True:
        found = [each for each in menu(client, place or lines(3, 8), uri) if prompt_of(each) == prompt]
        if found:
            return found[0]
        assert time.monotonic() < deadline, client.seen
        time.sleep(0.05)


def prompt_of(shown):
    command = shown["command"]
    if command["command"] == "codetune.ask":
        return "answer-with-citations"
    return command["arguments"][0] if command["command"] == "codetune.runAction" else ""


def choose(client, chosen, *variables, **more):
    """Choose an entry as an editor does; returns the id of the request."""
    command = chosen["command"]
    return client.start_command(command["command"], *command["arguments"], *variables, **more)


def answer_request(client, method, result):
    """Answer the next request of the server's own with this method; returns its parameters."""
    asked = client.wait_for(lambda seen: seen.get("method") == method and "id" in seen and not seen.get("done"), 30)
    asked["done"] = True
    client.send(id=asked["id"], result=result)
    return asked["params"]


def error(client, number):
    return client.answer(number, 30)["error"]


def test_what_is_offered_is_every_prompt_with_a_scope_that_fits_the_place(opened):
    chosen = entry(opened, "explain-code")
    assert chosen["title"] == "Explain code with tiny"
    assert chosen["command"]["tooltip"].startswith("explain-code, version 1, tiny: Explain what")
    assert (chosen["kind"], chosen["tags"]) == ("codetune", [1])
    selection = {"answer-with-citations", "docstring", "explain-code", "optimize", "refactor", "review"}
    selection |= {"generate", "rewrite", "security-review", "unit-tests"}
    offered = {prompt_of(each) for each in menu(opened, lines(3, 8))} - {""}
    assert offered == selection | {"summarize", "threat-model"}
    assert {prompt_of(each) for each in menu(opened, lines(3, 8), triggerKind=2)} - {""} == selection
    assert {prompt_of(each) for each in menu(opened, lines(3, 3), triggerKind=2)} <= {""}
    rewriting = menu(opened, lines(3, 8), only=["refactor"])
    assert {prompt_of(each) for each in rewriting} == selection & {
        "docstring",
        "generate",
        "optimize",
        "refactor",
        "rewrite",
        "unit-tests",
    }
    assert not [each for each in menu(opened, lines(3, 8), only=["quickfix"]) if prompt_of(each)]


def test_an_explanation_is_a_page_of_markdown_that_fetches_nothing(opened):
    running = choose(opened, entry(opened, "explain-code"), workDoneToken="t")
    shown = answer_request(opened, "window/showDocument", {"success": True})
    page = Path(unquote(urlsplit(shown["uri"]).path)).read_text()
    assert page.startswith(f"# Explain code\n\n[cart.py, lines 4 to 8](<{URI}#L4-L8>)\n\nIt **adds** numbers.")
    assert "\\![x]\\(https:" in page
    assert page.endswith("_explain-code, version 1, answered by tiny_\n")
    done = opened.answer(running)["result"]
    assert (done["model"], done["applied"]) == ("tiny", False)
    assert psutil.Process(opened.process.pid).memory_info().rss / 1e6 < MOST_MEGABYTES


def test_an_edit_is_for_the_version_that_was_asked_about_and_stays_inside_the_selection(opened):
    running = choose(opened, entry(opened, "optimize"), workDoneToken="t")
    edit = answer_request(opened, "workspace/applyEdit", {"applied": True})["edit"]
    assert opened.answer(running)["result"]["applied"]
    (change,) = edit["documentChanges"]
    assert change["textDocument"] == {"uri": URI, "version": 1}
    assert [each["newText"] for each in change["edits"]] == ["    return sum(prices)"]
    assert change["edits"][0]["range"] == {"start": {"line": 4, "character": 0}, "end": {"line": 7, "character": 17}}

    beyond = error(opened, choose(opened, entry(opened, "optimize"), {"goal": "memory"}, workDoneToken="t"))
    assert (beyond["code"], "outside the code" in beyond["message"]) == (FAILED, True)


def test_what_was_asked_about_another_version_is_refused(opened):
    chosen = entry(opened, "optimize")
    opened.change(URI, 2, {"text": f"# {TEXT}"})
    assert error(opened, choose(opened, chosen))["message"] == CHANGED


def until_tokens(client, token):
    def counts(seen):
        value = seen.get("params", {}).get("value", {}) if seen.get("method") == "$/progress" else {}
        return seen.get("params", {}).get("token") == token and "tokens" in (value.get("message") or "")

    client.wait_for(counts, 30)


def test_cancelling_stops_the_model(opened):
    before = len(opened.user.recorded())
    running = choose(opened, entry(opened, "explain-code", lines(0, 2), SLOW), workDoneToken="c")
    until_tokens(opened, "c")
    opened.notify("window/workDoneProgress/cancel", {"token": "c"})
    assert error(opened, running)["code"] == CANCELLED
    deadline = time.monotonic() + 30
    while [row[0] for row in opened.user.recorded()[before:]] != ["cancelled"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_edit_while_the_model_works_means_that_nothing_is_edited(opened):
    running = choose(opened, entry(opened, "generate", lines(0, 2), SLOW), {"description": "FASTER"}, workDoneToken="e")
    until_tokens(opened, "e")
    opened.change(SLOW, 2, {"text": f"{SLOW_TEXT}\n# more\n"})
    refused = error(opened, running)
    assert (refused["code"], refused["message"]) == (FAILED, CHANGED), refused
    assert not [each for each in opened.seen if each.get("method") == "workspace/applyEdit"]


def test_what_a_prompt_must_be_told_is_named_where_nobody_says_it(opened):
    chosen = entry(opened, "generate")
    told = error(opened, choose(opened, chosen, workDoneToken="t"))
    assert (told["code"], "description (" in told["message"]) == (FAILED, True), told
    told = error(opened, choose(opened, chosen, {"nothing": 1}, workDoneToken="t"))
    assert (told["code"], "no variable nothing" in told["message"]) == (INVALID, True)
    told = error(opened, opened.start_command("codetune.runAction", "commit-message", URI, 1, lines(3, 8)))
    assert (told["code"], "editor:selection" in told["message"]) == (INVALID, True)


def test_an_editor_that_cannot_apply_an_edit_to_one_version_is_shown_it(opened, raw_client):
    with raw_client.RawClient(raw_client.SERVER) as client:
        client.initialize(capabilities={"window": {"showDocument": {"support": True}}})
        client.open(SLOW, SLOW_TEXT)
        told = {"description": "SHOWN"}
        running = client.start_command("codetune.runAction", "generate", SLOW, 1, lines(0, 2), told)
        shown = answer_request(client, "window/showDocument", {"success": True})
        assert "return 2" in Path(unquote(urlsplit(shown["uri"]).path)).read_text()
        assert client.answer(running)["result"]["applied"] is False


@pytest.fixture
def checked(opened):
    """A document whose function is to be rewritten."""
    opened.notify("textDocument/didClose", {"textDocument": {"uri": CHECKED}})
    opened.open(CHECKED, CHECKED_TEXT)
    return opened


def rewritten(client, *told, first=4):
    return choose(client, entry(client, "rewrite", lines(first, 6), CHECKED), *told, workDoneToken="t")


def test_written_code_that_fails_a_check_is_repaired_once_and_the_label_says_what_holds(checked):
    running = rewritten(checked, {"instruction": "REPAIRED"})
    asked = answer_request(checked, "workspace/applyEdit", {"applied": True})
    assert asked["label"] == "CodeTune: Rewrite with tiny (verified: parses, names, rescan)"
    assert [each["newText"] for each in asked["edit"]["documentChanges"][0]["edits"]] == [
        "def limit():\n    return LIMIT\n"
    ]
    done = checked.answer(running)["result"]
    assert (done["applied"], done["repaired"], done["verified"]) == (True, 1, "verified: parses, names, rescan")
    assert done["checks"].splitlines()[3] == "tools: not run (the workspace is not trusted)"


@pytest.mark.parametrize(
    ("told", "reason"), [("INVENTED", "strictyaml_real"), ("WORSE", "the edit brings new findings: S307")]
)
def test_written_code_that_fails_twice_edits_nothing_and_says_why(checked, told, reason):
    refused = error(checked, rewritten(checked, {"instruction": told}))
    assert (refused["code"], reason in refused["message"]) == (FAILED, True), refused
    assert not [each for each in checked.seen if each.get("method") == "workspace/applyEdit"]


def test_an_instruction_is_given_by_the_client_or_by_a_comment_that_is_selected_with_the_code(checked):
    untold = error(checked, rewritten(checked))
    assert (untold["code"], "instruction (What is to be different)" in untold["message"]) == (FAILED, True)
    running = rewritten(checked, first=3)
    (edit,) = answer_request(checked, "workspace/applyEdit", {"applied": True})["edit"]["documentChanges"][0]["edits"]
    assert (edit["range"]["start"]["line"], edit["newText"]) == (3, "def limit():\n    return LIMIT\n")
    assert checked.answer(running)["result"]["applied"]


def test_a_cell_may_use_what_other_cells_define(opened):
    cells = {"untitled:one": "LIMIT = 3\n", "untitled:two": "# Say the limit.\ndef limit():\n    return 0\n"}
    notebook = {
        "uri": "untitled:a.ipynb", "notebookType": "jupyter-notebook", "version": 1,
        "cells": [{"kind": 2, "document": uri} for uri in cells],
    }  # fmt: skip
    documents = [{"uri": uri, "languageId": "python", "version": 1, "text": text} for uri, text in cells.items()]
    opened.notify("notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": documents})
    running = choose(opened, entry(opened, "rewrite", lines(0, 3), "untitled:two"), workDoneToken="t")
    asked = answer_request(opened, "workspace/applyEdit", {"applied": True})
    assert asked["label"] == "CodeTune: Rewrite with tiny (verified: parses, names, rescan)"
    (change,) = asked["edit"]["documentChanges"]
    assert change["textDocument"] == {"uri": "untitled:two", "version": 1}
    assert change["edits"][0]["range"] == lines(0, 3)
    assert opened.answer(running)["result"]["applied"]


@pytest.mark.parametrize("engine", ["none", "auto"])
def test_without_a_model_nothing_is_offered_and_the_log_says_once_how_to_get_it(raw_client, somebody, engine):
    somebody.configure(engine={"name": engine})
    with raw_client.RawClient(raw_client.SERVER) as client:
        client.initialize(capabilities=CAPABILITIES)
        client.open(URI, TEXT)
        said = client.wait_for(lambda seen: "no model is set" in str(seen.get("params", {})), 30)
        assert (said["method"], said["params"]["type"]) == ("window/logMessage", 3)
        assert "set engine.name" in said["params"]["message"]
        assert [each for each in menu(client, lines(3, 8)) if prompt_of(each)] == []
        assert somebody.pid is None
