"""What the server does with every kind of message, right or wrong, seen from the other end of the pipe."""

import json
import time

import pytest

HOVER = {"textDocument": {"uri": "file:///a.py"}, "position": {"line": 0, "character": 0}}


@pytest.fixture(scope="module")
def client(raw_client):
    with raw_client.RawClient() as client:
        client.initialize()
        yield client


def wait_until_slow(client):
    """Wait until a slow handler runs; returns how far it has come."""
    before = client.command("probe.ticks")
    deadline = time.monotonic() + 15
    while (now := client.command("probe.ticks")) <= before:
        assert time.monotonic() < deadline
    return now


def stands_still(client):
    before = client.command("probe.ticks")
    time.sleep(0.05)
    return client.command("probe.ticks") == before


# Malformed messages


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"", -32700),
        (b"\xff\xfe{}", -32700),
        (b'{"jsonrpc": "2.0", "id": 1,}', -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b'[{"jsonrpc": "2.0", "id": 1, "method": "shutdown"}]', -32600),
        (b"7", -32600),
        (b"null", -32600),
        (b'"text"', -32600),
        (b"{}", -32600),
        (b'{"jsonrpc": "2.0"}', -32600),
        (b'{"jsonrpc": "2.0", "method": 5}', -32600),
        (b'{"jsonrpc": "2.0", "id": null, "method": "probe/echo"}', -32600),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "probe/echo"}', -32600),
        (b'{"jsonrpc": "2.0", "id": true, "method": "probe/echo"}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1.5, "method": "probe/echo"}', -32600),
    ],
)
def test_what_is_no_message_is_answered_under_no_id_and_the_server_lives(client, raw_client, body, code):
    client.seen.clear()
    client.send_bytes(raw_client.frame(body))
    assert client.answer(None)["error"]["code"] == code
    assert client.answers(None) == 1


@pytest.mark.parametrize("version", [{}, {"jsonrpc": "1.0"}, {"jsonrpc": 2.0}])
def test_a_request_of_another_json_rpc_version_is_refused_under_its_id(client, raw_client, version):
    client.send_bytes(raw_client.frame({**version, "id": f"version {version}", "method": "probe/echo"}))
    assert client.answer(f"version {version}")["error"]["code"] == -32600


@pytest.mark.parametrize(
    "params",
    [
        None,
        [],
        [1, 2],
        5,
        {},
        {"textDocument": {}, "position": {"line": 0, "character": 0}},
        {"textDocument": {"uri": 5}, "position": {"line": 0, "character": 0}},
        {"textDocument": {"uri": None}, "position": {"line": 0, "character": 0}},
        {"textDocument": {"uri": "file:///a.py"}, "position": {"line": -1, "character": 0}},
        {"textDocument": {"uri": "file:///a.py"}, "position": {"line": "x", "character": 0}},
        {"textDocument": {"uri": "file:///a.py"}},
    ],
)
def test_wrong_parameters_are_answered_with_invalid_params(client, params):
    error = client.error("textDocument/hover", params)
    assert error["code"] == -32602
    assert "params" in error["message"]


def test_missing_parameters_are_answered_with_invalid_params(client):
    client.send(id="bare", method="textDocument/hover")
    assert client.answer("bare")["error"]["code"] == -32602


def test_the_message_names_the_wrong_place_and_not_the_value(client):
    wrong = {**HOVER, "position": {"line": "hunter2", "character": 0}}
    assert client.error("textDocument/hover", wrong)["message"] == "Wrong or missing: params.position.line"


def test_an_unknown_method_is_not_found(client):
    assert client.error("textDocument/teleport")["code"] == -32601


def test_an_unknown_notification_is_ignored(client):
    client.notify("$/something", {"x": 1})
    client.notify("probe/unheard")
    client.settle()


def test_a_notification_sent_as_a_request_is_refused(client):
    assert client.error("textDocument/didOpen", {})["code"] == -32600


def test_a_request_sent_as_a_notification_is_not_run(client):
    client.notify("textDocument/hover", HOVER)
    client.settle()
    assert stands_still(client)


@pytest.mark.parametrize("key", ["jsonrpc", "id", "method", "result", "error", "params"])
def test_a_key_of_the_envelope_inside_the_parameters_is_only_data(client, key):
    params = {"deep": [{key: "2.0", "more": {key: None}}]}
    assert client.ask("probe/echo", params) == params


@pytest.mark.parametrize("number", [0, -5, 2**40, "", "text", "7", "ключ"])
def test_ids_come_back_as_they_were(client, number):
    client.send(id=number, method="probe/echo", params=[number])
    assert client.answer(number)["result"] == [number]


def test_a_second_request_under_a_waiting_id_is_refused(client):
    client.send(id="twin", method="textDocument/hover", params=HOVER)
    client.send(id="twin", method="probe/echo", params=1)
    assert client.answer("twin")["error"]["code"] == -32600
    client.notify("$/cancelRequest", {"id": "twin"})
    client.wait_for(lambda seen: seen.get("id") == "twin" and seen.get("error", {}).get("code") == -32800)


def test_similar_ids_are_different_requests(client):
    client.seen.clear()
    for number in (0, "", "0"):
        client.send(id=number, method="textDocument/hover", params=HOVER)
    client.notify("$/cancelRequest", {"id": ""})
    assert client.wait_for(lambda seen: seen.get("id") == "")["error"]["code"] == -32800
    client.notify("$/cancelRequest", {"id": 0})
    assert client.wait_for(lambda seen: seen.get("id") == 0 and "error" in seen)["error"]["code"] == -32800
    assert client.answers("0") == 0
    client.notify("$/cancelRequest", {"id": "0"})
    client.answer("0")


def test_an_answer_that_nobody_waits_for_is_ignored(client):
    client.send(id=4711, result=None)
    client.send(id="x", error={"code": 1, "message": "no"})
    client.send(id="x", error="wrong")
    client.settle()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\r\n\r\n",
        b"hello\r\n\r\n",
        b"Content-Length: abc\r\n\r\n",
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: 99999999999999\r\n\r\n",
        b"Content-Type: x\r\n\r\n",
        b"\x00\xff\n\n",
        b"no end of line but then ",
    ],
)
def test_garbage_between_messages_is_skipped(client, garbage):
    client.send_bytes(garbage)
    assert client.ask("probe/echo", ["after"]) == ["after"]


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Length: %d\n\n",
        b"content-length:%d\r\n\r\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf8\r\nCONTENT-LENGTH: %d\r\n\r\n",
        b"Content-Length: %d\r\nX-Other: 1\r\n\r\n",
    ],
)
def test_headers_are_read_as_leniently_as_http_reads_them(client, header):
    number = repr(header)
    body = json.dumps({"jsonrpc": "2.0", "id": number, "method": "probe/echo", "params": {}}).encode()
    client.send_bytes(header % len(body) + body)
    assert client.answer(number)["result"] == {}


def test_a_message_that_comes_byte_by_byte_is_read(client, raw_client):
    for byte in raw_client.frame({"jsonrpc": "2.0", "id": "drip", "method": "probe/echo", "params": ["é"]}):
        client.send_bytes(bytes([byte]))
    assert client.answer("drip")["result"] == ["é"]


def test_many_messages_in_one_write_are_answered_in_order(client, raw_client):
    numbers = [f"burst {n}" for n in range(500)]
    frames = [raw_client.frame({"jsonrpc": "2.0", "id": n, "method": "probe/echo", "params": n}) for n in numbers]
    client.send_bytes(b"".join(frames))
    client.answer(numbers[-1])
    assert [seen["result"] for seen in client.seen if str(seen.get("id")).startswith("burst")] == numbers


def test_a_large_message_goes_there_and_back(client):
    text = "x = 'ä😀'\n" * 300_000
    assert client.ask("probe/echo", {"text": text}) == {"text": text}


def test_lone_surrogates_survive(client):
    assert client.ask("probe/echo", ["\ud83d"]) == ["\ud83d"]


# Failures


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("workspace/executeCommand", {"command": "probe.fail"}),
        ("textDocument/documentSymbol", {"textDocument": {"uri": "file:///a.py"}}),
    ],
)
def test_an_exception_is_an_internal_error_without_paths_code_or_traceback(client, method, params):
    error = client.error(method, params)
    assert error["code"] == -32603
    assert error.keys() == {"code", "message"}
    assert not any(word in json.dumps(error) for word in ("hunter2", "/home", "Traceback", ".py"))


def test_the_log_names_a_failure_without_its_text(client):
    client.error("workspace/executeCommand", {"command": "probe.fail"})
    assert b"workspace/executeCommand failed: ValueError" in client.log
    assert b"hunter2" not in client.log


def test_the_log_at_level_debug_shows_the_traceback(raw_client):
    with raw_client.RawClient((*raw_client.PROBE, "debug")) as client:
        client.initialize()
        client.error("workspace/executeCommand", {"command": "probe.fail"})
        client.settle()
        assert b"Traceback" in client.log


def test_an_error_meant_for_people_is_passed_on(client):
    error = client.error("workspace/executeCommand", {"command": "probe.refuse"})
    assert error == {"code": -32803, "message": "Install the thing first."}


def test_a_result_that_is_no_json_is_an_internal_error(client):
    assert client.error("workspace/executeCommand", {"command": "probe.no_json"})["code"] == -32603


def test_a_failing_notification_is_logged_at_the_client_and_the_server_lives(client):
    client.seen.clear()
    client.notify("textDocument/didSave", {"textDocument": {"uri": "file:///a.py"}})
    message = client.called("window/logMessage")["params"]["message"]
    assert message.startswith("textDocument/didSave: Internal error (RuntimeError)")
    assert "hunter2" not in message
    client.settle()


# Commands


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        (["a"], ["a", 3, 0]),
        (["a", 5], ["a", 5, 0]),
        (["a", 5, [{"line": 1, "character": 2}]], ["a", 5, 1]),
        (["a", 5, None], ["a", 5, 0]),
    ],
)
def test_a_command_gets_its_arguments_and_defaults_fill_the_rest(client, arguments, result):
    assert client.command("probe.arguments", *arguments) == result


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a", 5, [], 1],
        [5],
        [None],
        [True],
        ["a", "5"],
        ["a", True],
        ["a", 1.5],
        ["a", 1, [{"line": "x"}]],
        ["a", 1, 7],
    ],
)
def test_wrong_arguments_of_a_command_are_invalid_params(client, arguments):
    error = client.error("workspace/executeCommand", {"command": "probe.arguments", "arguments": arguments})
    assert error["code"] == -32602


@pytest.mark.parametrize(
    "params", [{"command": "probe.none"}, {"command": 5}, {}, {"command": "probe.ticks", "arguments": 5}]
)
def test_a_command_that_does_not_exist_or_is_malformed_is_invalid_params(client, params):
    assert client.error("workspace/executeCommand", params)["code"] == -32602


@pytest.mark.parametrize("token", ["token", 7])
def test_a_command_can_read_its_progress_token(client, token):
    assert client.command("probe.token", workDoneToken=token) == token


def test_a_command_without_a_progress_token_reads_none(client):
    assert client.command("probe.token") is None


# Cancellation


@pytest.mark.parametrize(
    ("method", "params"),
    [("textDocument/hover", HOVER), ("workspace/executeCommand", {"command": "probe.slow"})],
)
def test_a_cancelled_request_stops_its_work_and_gets_one_answer(client, method, params):
    number = client.request(method, params)
    wait_until_slow(client)
    client.notify("$/cancelRequest", {"id": number})
    assert client.answer(number)["error"]["code"] == -32800
    assert stands_still(client)
    assert client.answers(number) == 1


def test_a_request_cancelled_in_the_same_write_gets_one_answer(client, raw_client):
    request = {"jsonrpc": "2.0", "id": "early", "method": "textDocument/hover", "params": HOVER}
    cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": "early"}}
    client.send_bytes(raw_client.frame(request) + raw_client.frame(cancel) * 3)
    assert client.answer("early")["error"]["code"] == -32800
    assert client.answers("early") == 1


@pytest.mark.parametrize("params", [None, [], {}, {"id": None}, {"id": [1]}, {"id": 10**9}, {"id": "unknown"}])
def test_cancelling_what_does_not_run_does_nothing(client, params):
    client.notify("$/cancelRequest", params)
    client.settle()


def test_a_handler_that_finishes_in_spite_of_the_cancellation_answers_once_with_its_result(client):
    number = client.start_command("probe.stubborn")
    client.settle()
    client.notify("$/cancelRequest", {"id": number})
    assert client.answer(number)["result"] == "finished all the same"
    assert client.answers(number) == 1


def test_other_requests_are_answered_while_one_runs(client):
    number = client.start_command("probe.slow")
    wait_until_slow(client)
    assert client.ask("probe/echo", {"x": 1}) == {"x": 1}
    client.notify("$/cancelRequest", {"id": number})
    client.answer(number)


# Progress and questions to the client


def test_progress_under_the_clients_token_can_be_cancelled_there(client):
    client.seen.clear()
    number = client.start_command("probe.progress", workDoneToken="mine")
    wait_until_slow(client)
    client.notify("window/workDoneProgress/cancel", {"token": "mine"})
    assert client.answer(number)["error"]["code"] == -32800
    shown = [seen["params"]["value"]["kind"] for seen in client.seen if seen.get("method") == "$/progress"]
    assert shown == ["begin", "report", "end"]
    assert stands_still(client)


def test_progress_without_a_token_is_created_where_the_client_shows_it(raw_client):
    with raw_client.RawClient() as client:
        client.initialize(capabilities={"window": {"workDoneProgress": True}})
        number = client.start_command("probe.progress")
        created = client.called("window/workDoneProgress/create")
        client.send(id=created["id"], result=None)
        client.called("$/progress")
        client.notify("window/workDoneProgress/cancel", {"token": created["params"]["token"]})
        assert client.answer(number)["error"]["code"] == -32800


def test_progress_is_shown_to_nobody_where_the_client_cannot_show_it(client):
    client.seen.clear()
    number = client.start_command("probe.progress")
    wait_until_slow(client)
    client.notify("$/cancelRequest", {"id": number})
    client.answer(number)
    assert not [seen for seen in client.seen if seen.get("method") in ("$/progress", "window/workDoneProgress/create")]


@pytest.mark.parametrize(
    ("reply", "result"),
    [({"result": {"title": "Yes"}}, "Yes"), ({"result": None}, "nothing chosen")],
)
def test_the_client_can_be_asked(client, reply, result):
    client.seen.clear()
    number = client.start_command("probe.ask", 10)
    asked = client.called("window/showMessageRequest")
    client.send(id=asked["id"], **reply)
    assert client.answer(number)["result"] == result


def test_a_client_that_never_answers_is_not_waited_for(client):
    client.seen.clear()
    number = client.start_command("probe.ask", 0.05)
    asked = client.called("window/showMessageRequest")
    assert client.answer(number)["result"] == "no answer"
    assert client.called("$/cancelRequest")["params"]["id"] == asked["id"]
    client.send(id=asked["id"], result={"title": "too late"})
    client.settle()


@pytest.mark.parametrize("reply", [{"error": {"code": -32601, "message": "no"}}, {"result": 5}, {"error": {}}])
def test_a_refusal_or_a_wrong_answer_of_the_client_fails_the_request_that_asked(client, reply):
    client.seen.clear()
    number = client.start_command("probe.ask", 10)
    client.send(id=client.called("window/showMessageRequest")["id"], **reply)
    assert "error" in client.answer(number)


# Standard output


def test_what_is_printed_does_not_come_between_the_messages(client):
    assert client.command("probe.print") == "cat"
    client.settle()
    assert b"noise from print" in client.log or b"noise from the descriptor" in client.log


# Text synchronization over the wire

URI = "file:///project/a%20b.py"


def edit(start, end, text):
    ends = [{"line": line, "character": character} for line, character in (start, end)]
    return {"range": {"start": ends[0], "end": ends[1]}, "text": text}


def test_changes_reach_the_text(client):
    client.open(URI, "one\r\ntwo\n")
    client.change(URI, 2, edit((0, 3), (1, 0), "\n"), edit((1, 3), (1, 99), "!"))
    assert client.command("probe.text", URI) == ["one\ntwo!\n", 2, "python"]
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert client.command("probe.text", URI) is None


def test_a_late_change_is_refused_aloud_and_the_text_is_not_used_until_it_is_sent_whole(client):
    client.seen.clear()
    client.open(URI, "one\n", version=5)
    client.change(URI, 4, edit((0, 0), (0, 3), "two"))
    assert "came after" in client.called("window/logMessage")["params"]["message"]
    assert client.command("probe.text", URI) is None
    client.change(URI, 6, {"text": "three\n"})
    assert client.command("probe.text", URI)[0] == "three\n"


@pytest.mark.parametrize(
    "params",
    [
        {"textDocument": {"uri": URI, "version": None}, "contentChanges": []},
        {"textDocument": {"uri": URI, "version": 9}, "contentChanges": [{"range": 5, "text": "x"}]},
        {"textDocument": {"uri": URI, "version": 9}},
    ],
)
def test_a_change_that_cannot_be_read_puts_the_document_out_of_sync(client, params):
    client.open(URI, "one\n", version=5)
    client.seen.clear()
    client.notify("textDocument/didChange", params)
    assert client.called("window/logMessage")["params"]["type"] == 1
    assert client.command("probe.text", URI) is None


def test_a_notebook_is_joined(client):
    cells = [{"kind": 2, "document": f"nb:{n}"} for n in (1, 2)]
    texts = [
        {"uri": f"nb:{n}", "languageId": "python", "version": 1, "text": text}
        for n, text in ((1, "%time\nx = 1"), (2, "print(x)\n"))
    ]
    notebook = {"uri": "file:///n.ipynb", "notebookType": "jupyter-notebook", "version": 1, "cells": cells}
    client.notify("notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": texts})
    assert client.command("probe.notebook", "file:///n.ipynb") == "pass \nx = 1\nprint(x)\n\n"


# Memory


def test_ten_thousand_changes_leave_nothing_behind(client, raw_client):
    psutil = pytest.importorskip("psutil")
    process = psutil.Process(client.process.pid)

    def change_often(first):
        changes = [
            {"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {
                "textDocument": {"uri": "file:///often.py", "version": first + n},
                "contentChanges": [edit((0, 0), (0, 1), "xy"[n % 2])]}}
            for n in range(5_000)
        ]  # fmt: skip
        client.send_bytes(b"".join(raw_client.frame(change) for change in changes))
        client.settle()
        return client.command("probe.kept"), process.memory_info().rss

    client.open("file:///often.py", "x = 1\n")
    kept, memory = change_often(2)
    kept_after, memory_after = change_often(5_002)
    assert kept_after == kept
    assert memory_after - memory < 2_000_000
    assert client.command("probe.text", "file:///often.py")[0] == "y = 1\n"
