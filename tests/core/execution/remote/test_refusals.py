"""What a service, or who stands in its place, may answer: what is asked again, and what is said."""

import asyncio
import ssl

import pytest
import trustme
from aiohttp import web
from http_peer import Peer, blocks, frame, in_turn, serving, silence, told
from http_peer import text as page
from running import request, text, types

from codetune_core.domain.execution import ErrorKind, Priority
from codetune_core.domain.identifiers import new_id
from codetune_core.errors import EngineLost
from codetune_core.execution.headers import EXECUTION_HEADER, KEY_HEADER, RESUMABLE_HEADER, WIRE_HEADER, WIRE_VERSION
from codetune_core.execution.remote import following
from codetune_core.execution.remote.connection import ServiceConnection
from codetune_core.execution.remote.executor import RemoteExecutor
from codetune_core.execution.remote.limits import Limits
from codetune_core.http.keys import REMOTE_KEY
from codetune_core.service_sections import RemoteSettings

LIMITS = Limits(first_event=10, gap=10, reach=0.3, patience=5, resume=0.3)
OURS = {WIRE_HEADER: str(WIRE_VERSION)}
STARTED = {"type": "started", "execution_id": str(new_id()), "prompt": "explain", "version": 1, "model": "tiny"}
FINISHED = {"type": "finished", "output": "it adds", "finish_reason": "stop", "execution_time_ms": 1.5}
TOKEN = {"type": "token", "text": "it adds"}
DEEP = "[" * 20_000
ANSWER = blocks(frame(STARTED), frame(TOKEN), frame(FINISHED))


def problem(status: int, name: str, detail: str = "so it is", headers=None, **extra):
    content = {
        "type": f"/problems/{name}",
        "title": name,
        "status": status,
        "detail": detail,
        "instance": "r1",
        **extra,
    }
    return told(content, status, OURS | (headers or {}))


async def ask(*answers, limits=LIMITS, waits=True, picked_up=None, **changes):
    """What comes of answers in turn, and who was asked what."""
    peer = Peer({"/api/execute": in_turn(*answers)})
    chosen = new_id()
    if picked_up:
        peer.routes[f"/api/execution/{chosen}/events"] = picked_up
    async with serving(peer):
        connection = ServiceConnection.to_service(RemoteSettings(base_url=peer.origin), limits)
        executor = RemoteExecutor(connection, waits=waits)
        try:
            events = [event async for event in executor.execute(request(id=chosen, **changes))]
        finally:
            await executor.aclose()
    return events, [asked for asked in peer.asked if asked.method != "DELETE"]


async def test_what_is_sent_is_the_request_its_id_and_the_version_of_the_wire():
    events, [asked] = await ask(ANSWER, paths=("a.py",), label="staging")
    assert text(events) == events[-1].output == "it adds"
    assert asked.headers[WIRE_HEADER] == str(WIRE_VERSION)
    assert asked.headers[RESUMABLE_HEADER] == "1"
    assert asked.headers["Accept-Encoding"] == "identity"
    assert (asked.body["label"], asked.body["paths"], asked.body["deadline_seconds"]) == ("staging", ["a.py"], 10)
    assert "user_id" not in asked.body


@pytest.mark.parametrize("status", [429, 503])
async def test_a_service_that_is_full_or_ends_is_asked_again_with_the_same_id(status):
    busy = problem(status, "busy", headers={"Retry-After": "0"})
    events, asked = await ask(busy, busy, ANSWER)
    assert types(events) == ["waiting", "waiting", "started", "token", "finished"]
    assert len({one.headers[EXECUTION_HEADER] for one in asked}) == 1
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("after", "changes"), [("60", {}), ("0", {"priority": Priority.TYPING})], ids=["too long", "nobody waits"]
)
async def test_a_full_service_is_said_to_be_full_where_waiting_is_in_vain(after, changes):
    events, asked = await ask(problem(429, "full", "the queue is full", {"Retry-After": after}), **changes)
    assert (events[-1].kind, len(asked)) == (ErrorKind.OVERLOADED, 1)
    assert "the queue is full" in events[-1].message
    assert not events[-1].unavailable


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (problem(401, "unauthenticated"), ErrorKind.REFUSED, "codetune keys set remote"),
        (problem(403, "forbidden"), ErrorKind.REFUSED, "Ask who runs the service"),
        (problem(409, "conflict"), ErrorKind.REFUSED, "answered 409"),
        (problem(413, "too-large"), ErrorKind.INVALID_INPUT, "answered 413"),
        (problem(422, "invalid", "task: wrong"), ErrorKind.INVALID_INPUT, "task: wrong"),
        (problem(422, "invalid", "it is spent", kind="budget_spent"), ErrorKind.BUDGET_SPENT, "it is spent"),
        (problem(500, "internal"), ErrorKind.ENGINE_LOST, "request r1"),
        (problem(408, "timeout"), ErrorKind.TIMEOUT, "answered 408"),
        (told({}, 302, {"Location": "https://elsewhere.example"}), ErrorKind.ENGINE_LOST, "302"),
        (page("<h1>Log in to the hotel</h1>"), ErrorKind.ENGINE_LOST, "does your network want you to log in"),
        (page("<h1>Log in</h1>", 511), ErrorKind.ENGINE_LOST, "answered 511"),
        (told({"choices": []}), ErrorKind.ENGINE_LOST, "is remote.base_url the service's"),
        (told({}, 404), ErrorKind.ENGINE_LOST, "is remote.base_url the service's"),
    ],
)
async def test_what_a_refusal_means_is_said_once(answer, kind, said):
    events, asked = await ask(answer)
    assert types(events) == ["failed"]
    assert events[0].kind is kind
    assert said in events[0].message
    assert len(asked) == 1


@pytest.mark.parametrize("priority", [Priority.TYPING, Priority.EXPLICIT])
async def test_a_daemon_that_ends_is_not_waited_for_but_another_one_is_started(priority):
    peer, started = Peer({"/api/execute": problem(503, "draining", headers={"Retry-After": "60"})}), []

    async def start():
        started.append(True)
        peer.routes["/api/execute"] = ANSWER

    async with serving(peer):
        connection = ServiceConnection.to_service(RemoteSettings(base_url=peer.origin), LIMITS)
        connection.start = start
        executor = RemoteExecutor(connection)
        events = [event async for event in executor.execute(request(priority=priority))]
        await executor.aclose()
    assert (types(events), started) == (["started", "token", "finished"], [True])


async def test_a_proxy_with_nobody_behind_it_is_asked_again():
    events, asked = await ask(page("Bad Gateway", 502), page("", 503), ANSWER)
    assert events[-1].type == "finished"
    assert len(asked) == 3


async def test_a_service_that_stays_away_is_unavailable_at_once_where_another_one_may_answer():
    events, asked = await ask(page("Bad Gateway", 502), waits=False)
    assert (types(events), len(asked)) == (["failed"], 1)
    assert events[0].unavailable


async def test_where_nobody_listens_is_said():
    asked = RemoteSettings(base_url="http://127.0.0.1:1")
    executor = RemoteExecutor(ServiceConnection.to_service(asked, LIMITS))
    events = [event async for event in executor.execute(request())]
    await executor.aclose()
    assert set(types(events[:-1])) <= {"waiting"}
    assert events[-1].unavailable
    assert "nothing listens at http://127.0.0.1:1" in events[-1].message
    assert "remote.base_url" in events[-1].message


@pytest.mark.parametrize(("theirs", "side"), [(str(WIRE_VERSION + 1), "on this machine"), ("0", "upgrade the service")])
@pytest.mark.parametrize("status", [200, 400])
async def test_another_version_of_the_wire_is_said_with_the_side_to_upgrade(theirs, side, status):
    async def answer(_request, _body):
        headers = {WIRE_HEADER: theirs, "Content-Type": "text/event-stream"}
        return web.Response(status=status, headers=headers)

    events, _ = await ask(answer)
    assert events[-1].kind is ErrorKind.REFUSED
    assert side in events[-1].message
    assert not events[-1].unavailable


async def test_events_and_fields_that_only_a_newer_service_knows_are_skipped():
    newer = frame({"type": "thought", "text": "hm"}, "thought"), frame({**STARTED, "mood": "good"})
    events, _ = await ask(blocks(*newer, frame(TOKEN), frame({"type": "later"}), frame(FINISHED)))
    assert types(events) == ["started", "token", "finished"]


@pytest.mark.parametrize("content", ["{", "[]", '{"type": "token"}', "7", '{"text": "x"}', DEEP, f'{{"type": {DEEP}}}'])
async def test_what_is_no_event_ends_it(content):
    events, _ = await ask(blocks(frame(STARTED), frame(content), then="silence"))
    assert types(events) == ["started", "failed"]
    assert "cannot be read" in events[-1].message


@pytest.mark.parametrize("number", ["9" * 5000, "٣", "-1", "1e3", "\0"])
async def test_a_number_of_an_event_that_is_none_is_counted_here(number):
    events, _ = await ask(blocks(f"id: {number}\n".encode() + frame(STARTED), frame(TOKEN), frame(FINISHED)))
    assert types(events) == ["started", "token", "finished"]


@pytest.mark.parametrize("content", [b'{"estimated_time": NaN}', b'{"estimated_time": -1}', DEEP.encode()])
@pytest.mark.parametrize("after", ["9" * 400, "Mon, 01 Jan 2024 00:00:00 +99999999999999", "nan", "-7"])
async def test_a_time_to_come_again_that_is_none_is_not_waited_for(content, after):
    async def busy(_request, _body):
        headers = {**OURS, "Retry-After": after, "Content-Type": "application/problem+json"}
        return web.Response(status=503, headers=headers, body=content)

    events, asked = await ask(busy, ANSWER)
    assert types(events) == ["waiting", "started", "token", "finished"]
    assert events[0].seconds < 1
    assert len(asked) == 2


async def test_a_version_of_the_wire_that_is_no_number_is_another_one():
    async def answer(_request, _body):
        return web.Response(status=200, headers={WIRE_HEADER: "9" * 5000, "Content-Type": "text/event-stream"})

    events, _ = await ask(answer)
    assert events[-1].kind is ErrorKind.REFUSED


async def test_an_answer_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(following, "_MOST_BYTES", 10_000)
    more = blocks(frame(STARTED), *[frame({"type": "token", "text": "x" * 1000})] * 20, then="silence")
    events, _ = await ask(more)
    assert types(events)[-2:] == ["token", "failed"]
    assert "more than 10,000 bytes as one answer" in events[-1].message


async def test_events_that_come_again_are_not_told_again():
    def numbered(number, content):
        return f"id: {number}\n".encode() + frame(content)

    first = blocks(numbered(1, STARTED), numbered(2, TOKEN), then="cut")
    again = blocks(numbered(1, STARTED), numbered(2, TOKEN), numbered(3, FINISHED))
    events, [_, second] = await ask(first, picked_up=again)
    assert types(events) == ["started", "token", "finished"]
    assert second.headers["Last-Event-ID"] == "2"


async def beating(request, _body):
    """Heartbeats and nothing else."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    while True:
        await response.write(b": heartbeat\n\n")
        await asyncio.sleep(0.01)


async def test_heartbeats_show_that_it_lives_and_are_no_answer():
    events, asked = await ask(beating, limits=Limits(first_event=0.5, silence=0.1))
    assert events[-1].kind is ErrorKind.TIMEOUT
    assert "remote.first_token_seconds" in events[-1].message
    assert len(asked) == 1


async def test_a_gap_between_tokens_that_is_too_long_is_said():
    events, _ = await ask(blocks(frame(STARTED), frame(TOKEN), then="silence"), limits=Limits(gap=0.1, silence=5))
    assert types(events) == ["started", "token", "failed"]
    assert "remote.gap_seconds" in events[-1].message


async def test_an_answer_that_does_not_begin_is_asked_for_again():
    events, asked = await ask(silence, ANSWER, limits=Limits(opening=0.2, reach=5))
    assert events[-1].type == "finished"
    assert len({one.headers[EXECUTION_HEADER] for one in asked}) == 1


async def test_closing_ends_an_execution_that_waits():
    peer = Peer({"/api/execute": problem(429, "full", headers={"Retry-After": "4"})})
    async with serving(peer):
        executor = RemoteExecutor(ServiceConnection.to_service(RemoteSettings(base_url=peer.origin), LIMITS))
        stream = executor.execute(request())
        assert (await anext(stream)).type == "waiting"
        await executor.aclose()
        assert (await anext(stream)).kind is ErrorKind.CANCELLED
        assert (await anext(executor.execute(request()))).kind is ErrorKind.CANCELLED


@pytest.mark.parametrize("source", ["variable", "key_env", "command"])
async def test_the_key_is_that_of_the_user_and_goes_in_its_own_header(source, monkeypatch):
    monkeypatch.setenv(REMOTE_KEY if source == "variable" else "MY_KEY", "ctk_1_secret")
    asked = {
        "variable": {},
        "key_env": {"key_env": "MY_KEY"},
        "command": {"key_command": ("printf", "%s", "ctk_1_secret")},
    }[source]
    peer = Peer({"/api/execute": ANSWER})
    async with serving(peer):
        executor = RemoteExecutor.to_service(RemoteSettings(base_url=peer.origin, **asked))
        assert [event async for event in executor.execute(request())][-1].type == "finished"
        await executor.aclose()
    assert peer.asked[0].headers[KEY_HEADER] == "ctk_1_secret"
    assert "Authorization" not in peer.asked[0].headers


async def test_a_key_that_a_service_repeats_is_not_shown(monkeypatch):
    monkeypatch.setenv(REMOTE_KEY, "ctk_1_secret")
    events, _ = await ask(problem(401, "unauthenticated", "ctk_1_secret is no key"))
    assert "*** is no key" in events[0].message
    assert "ctk_1_secret" not in events[0].message


@pytest.mark.parametrize(("method", "body"), [("get", ()), ("delete", ()), ("post", ({"a": 1},)), ("put", ({"a": 1},))])
async def test_the_other_endpoints_are_asked_in_json_and_their_problems_said_in_words(method, body):
    peer = Peer({"/api/keys": in_turn(told({"items": [1]}), told(None, 204), page("<h1>"), problem(404, "not-found"))})
    async with serving(peer):
        connection = ServiceConnection.to_service(RemoteSettings(base_url=peer.origin), LIMITS)
        call = getattr(connection, method)
        assert await call("/api/keys", *body) == {"items": [1]}
        assert await call("/api/keys", *body) is None
        with pytest.raises(EngineLost, match=r"which is not CodeTune's: is remote\.base_url"):
            await call("/api/keys", *body)
        with pytest.raises(EngineLost, match="answered 404: so it is"):
            await call("/api/keys", *body)
        await connection.aclose()
    assert {asked.method for asked in peer.asked} == {method.upper()}


async def test_a_key_travels_encrypted_and_an_own_authority_is_trusted_where_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv(REMOTE_KEY, "ctk_1_secret")
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    seen = {}
    async with serving(Peer({"/api/execute": ANSWER}), context) as peer:
        for name, extra in (("unknown", {}), ("trusted", {"ca_file": tmp_path / "ca.pem"})):
            executor = RemoteExecutor.to_service(RemoteSettings(base_url=peer.origin, **extra))
            seen[name] = [event async for event in executor.execute(request())]
            await executor.aclose()
    assert "set remote.ca_file" in seen["unknown"][-1].message
    assert seen["unknown"][-1].kind is ErrorKind.REFUSED
    assert seen["trusted"][-1].type == "finished"
    assert len(peer.asked) == 1
