"""A Space that does not answer: what is told of it, and that it is waited for."""

import json

import pytest
from http_peer import Peer, blocks, frame, in_turn, serving, told
from http_peer import text as page
from running import request, types
from space_hub import Space as HubSpace
from space_hub import hub_here

from codetune_core.domain.execution import ErrorKind
from codetune_core.domain.identifiers import new_id
from codetune_core.execution.headers import WIRE_HEADER
from codetune_core.execution.remote.connection import ServiceConnection
from codetune_core.execution.remote.executor import RemoteExecutor
from codetune_core.execution.remote.front import Front, front_of
from codetune_core.execution.remote.hub import condition
from codetune_core.execution.remote.limits import Limits
from codetune_core.execution.remote.space import Space
from codetune_core.execution.remote.wakings import Wakings
from codetune_core.http.address import parse_address
from codetune_core.service_sections import RemoteSettings

NAME = "team/codetune"
STARTED = {"type": "started", "execution_id": str(new_id()), "prompt": "explain", "version": 1, "model": "tiny"}
FINISHED = {"type": "finished", "output": "it adds", "finish_reason": "stop", "execution_time_ms": 1.5}
ANSWER = blocks(frame(STARTED), frame(FINISHED))
HEALTHY = told({})
SLEEPS = page("<h1>Preparing Space</h1>", 503)
LIMITS = Limits(reach=0.2, wake=20)


@pytest.fixture
async def hub(monkeypatch):
    """The Hub on this machine, with the team's Space, and a token for it."""
    async with hub_here(monkeypatch) as hub:
        hub.spaces[NAME] = HubSpace(private=True)
        yield hub


@pytest.fixture
def wakings(tmp_path):
    return Wakings(tmp_path / "state" / "wakings.json")


async def ask(wakings, execute, healthz=HEALTHY, *, waits=True, limits=LIMITS):
    """What comes of asking the Space, and what its address was asked."""
    peer = Peer({"/api/execute": execute, "/healthz": healthz})
    async with serving(peer):
        connection = ServiceConnection.to_service(RemoteSettings(base_url=peer.origin, space=NAME), limits)
        space = Space(connection, connection.front, wakings, poll=0.01)
        executor = RemoteExecutor(connection, space=space, waits=waits)
        events = [event async for event in executor.execute(request())]
        await executor.aclose()
    return events, peer.asked


async def test_a_space_that_sleeps_is_woken_and_waited_for_and_told_how_long_it_takes(hub, wakings):
    hub.spaces[NAME].stages = ["SLEEPING", "BUILDING", "APP_STARTING", "RUNNING"]
    wakings.add(NAME, 90)
    events, asked = await ask(wakings, in_turn(SLEEPS, ANSWER), in_turn(SLEEPS, SLEEPS, SLEEPS, told({"status": "ok"})))
    assert types(events) == ["waiting", "waiting", "waiting", "started", "finished"]
    assert [event.reason for event in events[:3]] == [
        f"the Space {NAME} sleeps, and wakes up now",
        f"the Space {NAME} is being built",
        f"the Space {NAME} is starting",
    ]
    assert [event.seconds for event in events[:3]] == [90, 90, 90]
    assert {one.path for one in asked} == {"/api/execute", "/healthz"}


async def test_how_long_a_waking_took_is_remembered_for_the_next_time(hub, wakings):
    hub.spaces[NAME].stages = ["SLEEPING", "RUNNING"]
    events, _ = await ask(wakings, in_turn(SLEEPS, ANSWER), in_turn(SLEEPS, told({})))
    assert events[0].seconds is None
    assert wakings.usual(NAME) is not None


@pytest.mark.parametrize(
    ("stage", "message", "said"),
    [
        ("PAUSED", "", "is paused: its owner can start it with `codetune space wake team/codetune`"),
        ("STOPPED", "", "is stopped"),
        ("BUILD_ERROR", "exit code 1", "could not be built (exit code 1): `codetune space logs team/codetune --build`"),
        ("RUNTIME_ERROR", "Exit 137", "failed when it started (Exit 137): `codetune space logs team/codetune`"),
        ("RUNTIME_ERROR", "quota exceeded", "has no quota or credit left (quota exceeded)"),
        ("CONFIG_ERROR", "", "is set up wrongly"),
        ("NO_APP_FILE", "", "holds no service"),
        ("DELETING", "", "is being deleted"),
    ],
)
async def test_a_space_that_will_not_come_is_told_apart_and_not_waited_for(hub, wakings, stage, message, said):
    hub.spaces[NAME].stages, hub.spaces[NAME].message = [stage], message
    events, _ = await ask(wakings, SLEEPS, SLEEPS)
    assert types(events) == ["failed"]
    assert said in events[0].message
    assert events[0].unavailable


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, ErrorKind.REFUSED, "does not accept the token of the environment variable HF_TOKEN: it expired"),
        (403, ErrorKind.REFUSED, "the token may not see it"),
        (404, ErrorKind.REFUSED, "shows no Space team/codetune"),
        (402, ErrorKind.ENGINE_LOST, "no quota or credit left"),
    ],
)
async def test_what_the_hub_refuses_is_said(hub, wakings, status, kind, said):
    hub.refuse[f"GET /api/spaces/{NAME}/runtime"] = (status, "no")
    events, _ = await ask(wakings, SLEEPS, SLEEPS)
    assert types(events) == ["failed"]
    assert events[0].kind is kind
    assert said in events[0].message
    assert "hf_of_the_user" not in events[0].message


async def test_a_private_space_without_a_token_is_said(hub, wakings, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    hub.refuse[f"GET /api/spaces/{NAME}/runtime"] = (401, "no")
    events, _ = await ask(wakings, page("Sorry", 404), SLEEPS)
    assert "there is no token: make a new one" in events[0].message


async def test_the_token_goes_to_a_private_space_only_once_it_is_wanted_and_beside_the_key(hub, wakings, monkeypatch):
    monkeypatch.setenv("CODETUNE_REMOTE_KEY", "ctk_1_secret")

    async def private(asked, body):
        allowed = asked.headers.get("Authorization") == "Bearer hf_of_the_user"
        return await (ANSWER if allowed else page("Sorry, we can't find the page", 404))(asked, body)

    events, [first, second] = await ask(wakings, private)
    assert events[-1].type == "finished"
    assert "Authorization" not in first.headers
    assert second.headers["Authorization"] == "Bearer hf_of_the_user"
    assert first.headers["X-CodeTune-Key"] == second.headers["X-CodeTune-Key"] == "ctk_1_secret"


async def test_a_refusal_of_the_service_itself_gets_no_token(hub, wakings):
    refused = told({"type": "/problems/unauthenticated", "detail": "no key", "status": 401}, 401, {WIRE_HEADER: "1"})
    events, asked = await ask(wakings, refused)
    assert "codetune keys set remote" in events[0].message
    assert all("Authorization" not in one.headers for one in asked)
    assert hub.asked == []


@pytest.mark.parametrize("stage", ["SLEEPING", "BUILDING"])
async def test_where_another_one_may_answer_a_space_that_sleeps_is_woken_and_not_waited_for(hub, wakings, stage):
    hub.spaces[NAME].stages = [stage]
    wakings.add(NAME, 90)
    events, asked = await ask(wakings, SLEEPS, SLEEPS, waits=False)
    assert types(events) == ["failed"]
    assert events[0].unavailable
    assert "about 90 s" in events[0].message
    assert "/healthz" in {one.path for one in asked}


async def test_a_space_that_does_not_wake_in_time_is_given_up(hub, wakings):
    hub.spaces[NAME].stages = ["APP_STARTING"]
    events, _ = await ask(wakings, SLEEPS, SLEEPS, limits=Limits(wake=0.05))
    assert events[0].type == "waiting"
    assert "remote.wake_seconds" in events[-1].message
    assert wakings.usual(NAME) is None


async def test_where_the_hub_cannot_be_asked_the_address_is_tried_for_a_while(hub, wakings, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    events, _ = await ask(wakings, SLEEPS, SLEEPS)
    assert events[-1].unavailable
    assert "answered 503" in events[-1].message


async def test_a_space_is_known_by_its_address(hub):
    front = front_of(
        RemoteSettings(base_url="https://team-codetune.hf.space"), parse_address("https://team-codetune.hf.space")
    )
    assert (await condition(front)).name == NAME
    assert hub.tokens == {"Bearer hf_of_the_user"}


@pytest.mark.parametrize("address", ["http://team-codetune.hf.space", "https://codetune.example"])
def test_who_is_no_space_or_reached_in_clear_never_gets_a_token(address):
    assert front_of(RemoteSettings(base_url=address), parse_address(address)) is None


async def test_a_token_is_looked_for_once(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_a")
    front = Front(NAME, "")
    assert [await front.look_further(status) for status in (500, 401, 401)] == [False, True, False]


@pytest.mark.parametrize("written", ["", "[]", "{", '{"team/codetune": "x"}', '{"team/codetune": []}', '{"a": [1]}'])
def test_a_file_of_wakings_that_is_damaged_is_none(tmp_path, written):
    path = tmp_path / "wakings.json"
    path.write_text(written)
    assert Wakings(path).usual(NAME) is None
    Wakings(path).add(NAME, 12)
    assert Wakings(path).usual(NAME) == 12


def test_only_the_last_wakings_are_kept(tmp_path):
    wakings = Wakings(tmp_path / "wakings.json")
    for number in range(60):
        wakings.add(NAME, number)
        wakings.add(f"space/{number}", 1)
    kept = json.loads((tmp_path / "wakings.json").read_text())
    assert kept[NAME] == list(range(50, 60))
    assert len(kept) == 50
    assert wakings.usual(NAME) == 54.5


def test_wakings_that_cannot_be_written_hinder_nobody(tmp_path):
    (tmp_path / "file").write_text("")
    wakings = Wakings(tmp_path / "file" / "wakings.json")
    wakings.add(NAME, 1)
    assert wakings.usual(NAME) is None
