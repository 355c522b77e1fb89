"""Inline completion: a real language server, a real daemon, and a script that says what the model writes."""

import json
import sqlite3
import time

import psutil
import pytest

INLINE = {"textDocument": {"inlineCompletion": {}}}
LATER = {"inlineCompletion": {"dynamicRegistration": True}}
LISTED = {"textDocument": {"completion": {"completionItem": {"documentationFormat": ["markdown"]}}}}
URI = "untitled:cart.py"
TEXT = "def total(prices):\n    "
WRITTEN = "return sum(prices)"
CANCELLED = -32800
UNKNOWN = -32601
MOST_MEGABYTES = 80
WORDS = [", ".join(f"word{number}" for number in range(count)) for count in (50, 500)]
SCRIPT = f"""\
models: [{{name: tiny, engine: scripted, context_tokens: 16384}}]
infill: true
rules:
  - {{contains: "def slow_shared", token_delay_ms: 40, answers: ["return fast_enough({WORDS[0]})"]}}
  - {{contains: "def slow", token_delay_ms: 40, answers: ["return fast_enough({WORDS[1]})"]}}
  - {{contains: "🎉", answers: ["party(🎈)\\n"]}}
  - {{contains: "class Many", answers: ["one = 1\\n    two = 2\\n"]}}
default: {{answers: ["{WRITTEN}"]}}
"""


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


def until_menu(client):
    """Wait until the editor's menu has a prompt, so that it was learnt who answers."""
    everything = {"start": {"line": 0, "character": 0}, "end": {"line": 1, "character": 0}}
    asked = {"textDocument": {"uri": URI}, "range": everything, "context": {"diagnostics": []}}
    deadline = time.monotonic() + 60
    while "codetune.runAction" not in json.dumps(client.ask("textDocument/codeAction", asked)):
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


def rows(client, marker, columns):
    """Columns of the executions for documents that hold a marker."""
    with sqlite3.connect(client.user.database) as connection:
        found = connection.execute(f"SELECT input_data, {columns} FROM execution_history").fetchall()
    connection.close()
    return [row for told, *row in found if marker in _own(json.loads(told)["before"])]


def executions(client, marker):
    """Whether each succeeded, and why not; None for those that run."""
    return list(map(tuple, rows(client, marker, "success, error_kind")))


def outcomes(client, marker):
    return [outcome for (outcome,) in rows(client, marker, "outcome")]


def _own(before):
    """What a model was told, without the snippets of other documents."""
    return "\n".join(line for line in before.split("\n") if not line.startswith("# "))


def recorded(client, marker, seconds=30):
    """The outcomes once all of them are known; what was asked before is recorded before what is asked now."""
    last = f"last_{time.monotonic_ns()}"
    client.open(f"untitled:{last}.py", f"{last} = ")
    assert items(client, f"untitled:{last}.py", (0, len(last) + 3), key=True)
    deadline = time.monotonic() + seconds
    while not executions(client, last) or None in [success for success, _ in executions(client, marker)]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return executions(client, marker)


def typed(client, uri, version, text):
    client.change(uri, version, {"text": text})


@pytest.fixture
def opened(client):
    """A document, opened anew."""
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    client.open(URI, TEXT)
    return client


def begun(client, marker):
    """Wait until the model was asked."""
    deadline = time.monotonic() + 30
    while not executions(client, marker):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_the_model_writes_is_proposed_at_the_cursor_and_what_is_typed_of_it_needs_no_call(client):
    assert client.said["inlineCompletionProvider"] == {}
    text, uri = "def total_once(prices):\n    ", "untitled:once.py"
    client.open(uri, text)
    for count in range(len(WRITTEN)):
        typed(client, uri, count + 2, text + WRITTEN[:count])
        [item] = items(client, uri, (1, 4 + count))
        assert (item["insertText"], item["range"]) == (WRITTEN[count:], spot(1, 4 + count))
    assert recorded(client, "total_once") == [(1, None)]


def test_a_superseded_request_is_answered_with_nothing_and_its_answer_serves_the_next(client):
    text, uri = "def slow_shared():\n    ", "untitled:shared.py"
    client.open(uri, text)
    older = start(client, uri, (1, 4), key=True)
    begun(client, "slow_shared")
    typed(client, uri, 2, f"{text}re")
    newer = start(client, uri, (1, 6))
    assert client.answer(older)["result"] == []
    assert texts(client.answer(newer, 30)["result"])[0].startswith("turn fast_enough(word0,")
    assert recorded(client, "slow_shared") == [(1, None)]


def test_what_is_for_a_text_that_has_changed_is_not_shown(client):
    text, uri = "def total_changed():\n    ", "untitled:changed.py"
    client.open(uri, text)
    asked = start(client, uri, (1, 4), key=True)
    typed(client, uri, 2, f"{text}# elsewhere")
    assert client.answer(asked, 30)["result"] == []
    typed(client, uri, 3, text)
    assert texts(items(client, uri, (1, 4))) == [WRITTEN]
    assert recorded(client, "total_changed") == [(1, None)]


def test_cancelling_stops_the_model(client):
    client.open("untitled:stopped.py", "def slow_stopped():\n    ")
    asked = start(client, "untitled:stopped.py", (1, 4), key=True)
    begun(client, "slow_stopped")
    client.notify("$/cancelRequest", {"id": asked})
    assert client.answer(asked)["error"]["code"] == CANCELLED
    assert recorded(client, "slow_stopped") == [(0, "cancelled")]


@pytest.mark.parametrize(
    ("text", "at", "wanted"),
    [
        ("a = 1\r\n    x = \r\nb = 2\r\n", (1, 8), WRITTEN),
        ("def f():\n\tif True:\n\t\t", (2, 2), WRITTEN),
        ("cake = '🎂🎂' + (\n) # 🎉\n", (0, 17), "party(🎈)"),
        ("cake = 1  # 🎉\nx = ", (1, 4), "party(🎈)"),
    ],
)
def test_texts_and_places_are_exact(opened, text, at, wanted):
    uri = f"untitled:{abs(hash(text))}.py"
    opened.open(uri, text)
    [item] = items(opened, uri, at, key=True)
    assert (item["insertText"], item["range"]) == (wanted, spot(*at))


def test_lines_end_as_in_the_document(opened):
    opened.open("untitled:crlf.py", "class Many:\r\n    ")
    [item] = items(opened, "untitled:crlf.py", (1, 4))
    assert item["insertText"] == "one = 1\r\n    two = 2"


def test_what_an_open_list_would_put_in_is_taken_as_put_in(opened):
    opened.open("untitled:list.py", "🎂 = cake.ad\n")
    place = {"start": {"line": 0, "character": 10}, "end": {"line": 0, "character": 12}}
    [item] = items(opened, "untitled:list.py", (0, 12), selected={"range": place, "text": "add_candles("})
    assert (item["insertText"], item["range"]) == (f"add_candles({WRITTEN}", place)


def test_what_was_accepted_is_recorded(client):
    text, uri = "def total_kept(prices):\n    ", "untitled:kept.py"
    client.open(uri, text)
    [item] = items(client, uri, (1, 4), key=True)
    typed(client, uri, 2, text + item["insertText"])
    assert item["command"]["command"] == "codetune.completionAccepted"
    client.command(item["command"]["command"], *item["command"]["arguments"])
    deadline = time.monotonic() + 60
    while outcomes(client, "total_kept") != ["accepted"]:
        assert time.monotonic() < deadline, outcomes(client, "total_kept")
        time.sleep(0.05)


def test_a_cell_is_continued_with_the_cells_before_it(opened):
    cells = ("def party_of(guests): pass  # 🎉\n", "%matplotlib inline\nparty_of(")
    uris = [f"untitled:book.ipynb#{number}" for number in range(len(cells))]
    documents = [
        {"uri": uri, "languageId": "python", "version": 1, "text": text} for uri, text in zip(uris, cells, strict=True)
    ]
    book = {
        "uri": "untitled:book.ipynb",
        "notebookType": "jupyter-notebook",
        "version": 1,
        "cells": [{"kind": 2, "document": uri} for uri in uris],
    }
    opened.notify("notebookDocument/didOpen", {"notebookDocument": book, "cellTextDocuments": documents})
    [item] = items(opened, uris[1], (1, 9))
    assert (item["insertText"], item["range"]) == ("party(🎈)", spot(1, 9))
    assert items(opened, uris[1], (0, 18)) == []


def test_the_server_stays_small(opened):
    items(opened, URI, (1, 4))
    assert psutil.Process(opened.process.pid).memory_info().rss / 1e6 < MOST_MEGABYTES


def test_ignored_files_are_not_completed_and_no_model_is_told_of_them(client, raw_client, tmp_path):
    client.user.scripted(SCRIPT)
    (tmp_path / "codetune.toml").write_text('files.exclude = ["generated.py"]\noutbound.ignore = ["secret.py"]\n')
    texts_of = {"open.py": "def guests_of(party): return party\nx = ", "generated.py": "generated_code = "}
    texts_of["secret.py"] = "def guests_of(party): return '🎉'\n"
    with raw_client.RawClient(raw_client.SERVER) as other:
        other.user = client.user
        other.initialize(capabilities=INLINE, rootUri=tmp_path.as_uri())
        until_offered(other)
        for name, text in texts_of.items():
            other.open((tmp_path / name).as_uri(), text)
        assert texts(items(other, (tmp_path / "open.py").as_uri(), (1, 4))) == [WRITTEN]
        assert items(other, (tmp_path / "generated.py").as_uri(), (0, 13), key=True) == []
        assert recorded(other, "generated_code") == []
        other.open((tmp_path / "near.py").as_uri(), "class Many: guests_of = party = 1\n")
        assert texts(items(other, (tmp_path / "open.py").as_uri(), (0, 22), key=True)) == ["one = 1"]


def complete(client, uri, at):
    params = {"textDocument": {"uri": uri}, "position": {"line": at[0], "character": at[1]}}
    return client.answer(client.request("textDocument/completion", params), 30)["result"]


def test_an_editor_without_inline_completions_has_an_entry_in_its_list(client, raw_client):
    with raw_client.RawClient(raw_client.SERVER) as other:
        said = other.initialize(capabilities=LISTED)["capabilities"]
        assert "inlineCompletionProvider" not in said
        assert "(" in said["completionProvider"]["triggerCharacters"]
        other.open(URI, "🎂 = tot")
        deadline = time.monotonic() + 60
        while not (found := complete(other, URI, (0, 8))) or not found["items"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        [item] = found["items"]
        assert found["isIncomplete"]
        assert item["textEdit"] == {
            "newText": f"tot{WRITTEN}",
            "range": {"start": {"line": 0, "character": 5}, "end": {"line": 0, "character": 8}},
        }
        assert (item["label"], item["filterText"]) == (f"tot{WRITTEN}", f"tot{WRITTEN}")
        assert item["documentation"] == {"kind": "markdown", "value": f"```python\ntot{WRITTEN}\n```"}
        assert (item["kind"], item["insertTextFormat"]) == (1, 1)
        assert item["command"]["command"] == "codetune.completionAccepted"


@pytest.mark.parametrize(
    ("capabilities", "method"),
    [
        (LATER, "textDocument/inlineCompletion"),
        ({"completion": {"dynamicRegistration": True}}, "textDocument/completion"),
    ],
)
def test_an_editor_that_can_be_told_later_is_told_when_a_model_is_known(client, raw_client, capabilities, method):
    with raw_client.RawClient(raw_client.SERVER) as other:
        said = other.initialize(capabilities={"textDocument": capabilities})["capabilities"]
        assert not {"inlineCompletionProvider", "completionProvider"} & said.keys()
        asked = other.called("client/registerCapability", 60)
        other.send(id=asked["id"], result=None)
        [registration] = asked["params"]["registrations"]
        assert registration["method"] == method
        other.open(URI, TEXT)
        params = {"textDocument": {"uri": URI}, "position": {"line": 1, "character": 4}, "context": {"triggerKind": 1}}
        found = other.answer(other.request(method, params), 30)["result"]
        [item] = found["items"] if isinstance(found, dict) else found
        assert WRITTEN in json.dumps(item)


@pytest.mark.parametrize("settings", [{"engine": {"name": "none"}}, {"completion": {"enabled": False}}])
def test_without_a_model_or_where_it_is_switched_off_nothing_is_registered(user, raw_client, settings):
    user.scripted(SCRIPT, **settings) if "engine" not in settings else user.configure(**settings)
    with raw_client.RawClient(raw_client.SERVER) as other:
        other.initialize(capabilities={"textDocument": LATER})
        other.open(URI, TEXT)
        if "completion" in settings:
            until_menu(other)
        else:
            other.called("window/logMessage", 30)
        asked = start(other, URI, (1, 4))
        assert other.answer(asked)["error"]["code"] == UNKNOWN
        assert not [seen for seen in other.seen if seen.get("method") == "client/registerCapability"]
