"""Events of an execution elsewhere come back as if the secrets had been sent."""

import json
from contextlib import aclosing

import pytest

from codetune_core.domain.execution import ErrorKind, ExecutionRequest, Task
from codetune_core.domain.identifiers import new_id
from codetune_core.execution.events import Failed, Finished, Repairing, Started, Token, UsageCounted
from codetune_core.http import passage
from codetune_core.outbound.executor import GuardedExecutor
from codetune_core.outbound.gate import Gate
from codetune_core.outbound.origin import Origin
from codetune_core.outbound.placeholders import PLACEHOLDER
from codetune_core.service_sections import OutboundSettings

SECRET = 'pa"ss\\w0rd-9\tx'
URL = "https://team.example/api/execute"
DONE = {"finish_reason": "stop", "execution_time_ms": 1.0}


class Elsewhere:
    """Sends the request as a service's client does, and answers with what a test makes of the placeholder."""

    def __init__(self, *events) -> None:
        self._events = events
        self.closed = False

    async def execute(self, request):
        self.request = request
        try:
            sent = await passage.prepared(URL, json.dumps(dict(request.variables)).encode())
            name = PLACEHOLDER.search(sent.decode())[0]
            with passage.noted("POST", URL, sent) as answered:
                answered(200)
            for make in self._events:
                yield make(name)
        finally:
            self.closed = True


def started(**more):
    return lambda name: Started(
        execution_id=new_id(), prompt="p", version=1, model="m", cut=(f"cut {name}",), notices=(f"of {name}",), **more
    )


def tokens(text: str, length: int = 3):
    return [lambda name, at=at: Token(text=text.replace("NAME", name)[at : at + length]) for at in range(0, 60, length)]


async def check(tmp_path, *events, **changes) -> list:
    """All events that come back, those without text left out."""
    gate = Gate(OutboundSettings(), tmp_path / "outbound")
    request = ExecutionRequest(Task.EXPLAIN, "p", {"password": SECRET, "n": 1}, **changes)
    async with aclosing(GuardedExecutor(Elsewhere(*events), gate).execute(request)) as got:
        return [event async for event in got if event.type != "token" or event.text]


def text(events) -> str:
    return "".join(event.text for event in events if isinstance(event, Token))


async def test_every_text_is_restored_and_tokens_agree_with_the_output(tmp_path):
    events = await check(
        tmp_path,
        started(),
        *tokens("found NAME and CODE"),
        lambda _: UsageCounted(prompt_tokens=1, completion_tokens=1),
        lambda name: Finished(output=f"found {name} and CODE", reason=f"not {name}", **DONE),
    )
    assert events[0].cut == (f"cut {SECRET}",)
    assert events[0].notices == (f"of {SECRET}",)
    assert text(events) == events[-1].output == f"found {SECRET} and CODE"
    assert events[-1].reason == f"not {SECRET}"
    assert [event.type for event in events[-3:]] == ["token", "usage", "finished"]


async def test_an_answer_in_json_stays_json(tmp_path):
    events = await check(
        tmp_path,
        started(structured=True),
        *tokens('{"a": "NAME"}'),
        lambda name: Finished(output=json.dumps({"a": name}), **DONE),
    )
    assert json.loads(text(events)) == json.loads(events[-1].output) == {"a": SECRET}


async def test_what_was_held_back_of_an_answer_that_is_void_does_not_come_into_the_next(tmp_path):
    events = await check(
        tmp_path,
        started(),
        lambda name: Token(text=name[:12]),
        lambda name: Repairing(problem=f"no {name}"),
        lambda name: Token(text=f"{name}!"),
        lambda name: Finished(output=f"{name}!", **DONE),
    )
    assert [event.type for event in events] == ["started", "repairing", "token", "finished"]
    assert events[1].problem == f"no {SECRET}"
    assert events[2].text == f"{SECRET}!"


async def test_a_failure_is_told_with_the_users_own_words(tmp_path):
    events = await check(
        tmp_path,
        started(),
        lambda name: Token(text=name[:5]),
        lambda name: Failed(kind=ErrorKind.TIMEOUT, message=f"{name} took too long"),
    )
    assert [event.type for event in events] == ["started", "token", "failed"]
    assert events[-1].message == f"{SECRET} took too long"


async def test_what_tells_of_this_machine_is_not_sent(tmp_path):
    elsewhere = Elsewhere(started())
    gate = Gate(OutboundSettings(), tmp_path / "outbound")
    asked = {"workspace": str(tmp_path), "paths": (str(tmp_path / "a.py"),), "session_id": "ada's window"}
    request = ExecutionRequest(Task.EXPLAIN, "p", {"password": SECRET}, **asked)
    async with aclosing(GuardedExecutor(elsewhere, gate).execute(request)) as events:
        [first] = [event async for event in events]
    sent = elsewhere.request
    assert (sent.workspace, sent.paths) == (tmp_path.name, ())
    assert sent.session_id == gate.placeholders.pseudonym("ada's window")
    assert first.type == "started"
    [entry] = gate.ledger.newest()
    assert (entry.execution, entry.workspace, entry.replaced) == (str(sent.id), tmp_path.name, {"password": 1})


async def test_leaving_early_ends_the_execution_elsewhere(tmp_path):
    elsewhere = Elsewhere(started(), *tokens("all of this"))
    gate = Gate(OutboundSettings(), tmp_path / "outbound")
    request = ExecutionRequest(Task.EXPLAIN, "p", {"password": SECRET})
    async with aclosing(GuardedExecutor(elsewhere, gate).execute(request)) as events:
        await anext(events)
    assert elsewhere.closed


@pytest.mark.parametrize("settings", [{"local_only": True}, {"ignore": ("a.py",)}])
async def test_what_may_not_leave_is_not_asked_for(tmp_path, settings):
    elsewhere = Elsewhere()
    gate = Gate(OutboundSettings(**settings), tmp_path / "outbound")
    request = ExecutionRequest(Task.EXPLAIN, "p", {}, paths=("a.py",))
    async with aclosing(GuardedExecutor(elsewhere, gate).execute(request)) as events:
        [last] = [event async for event in events]
    assert (last.type, last.kind) == ("failed", ErrorKind.REFUSED)
    assert not hasattr(elsewhere, "request")


async def test_without_a_passage_no_body_leaves():
    with pytest.raises(passage.OutboundRefused, match=r"nothing is sent to https://team\.example"):
        await passage.prepared(URL, b"{}")
    assert await passage.prepared(URL, None) is None


async def test_what_is_no_json_does_not_leave(tmp_path):
    way = Gate(OutboundSettings(), tmp_path).passage(Origin())
    with passage.through(way), pytest.raises(passage.OutboundRefused, match="is not JSON"):
        await passage.prepared(URL, b"not json")


async def test_a_user_may_send_secrets_as_they_are(tmp_path):
    body = json.dumps({"password": SECRET}).encode()
    with passage.through(Gate(OutboundSettings(redact=False), tmp_path).passage(Origin())):
        assert await passage.prepared(URL, body) == body


async def test_a_request_that_was_not_answered_is_noted_as_such(tmp_path):
    gate = Gate(OutboundSettings(), tmp_path)
    with pytest.raises(ConnectionResetError), passage.through(gate.passage(Origin())), passage.noted("GET", URL, None):
        raise ConnectionResetError
    [entry] = gate.ledger.newest()
    assert (entry.outcome, entry.bytes) == ("no answer (ConnectionResetError)", 0)
