"""What a team's service offers editors: who is asked for it, how often, and what holds while it cannot be asked."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from http_peer import Peer, in_turn, serving, silence, told
from http_peer import text as page
from space_hub import Space as HubSpace
from space_hub import hub_here

from codetune_core.bootstrap import team as module
from codetune_core.bootstrap.team import Team
from codetune_core.errors import EngineLost, ExecutionError
from codetune_core.execution.headers import WIRE_HEADER
from codetune_core.execution.remote.executor import RemoteExecutor
from codetune_core.execution.remote.faults import Gone, Unreachable
from codetune_core.outbound.gate import Gate
from codetune_core.prompts.editor import EDITOR_PROMPTS_PATH
from codetune_core.service_sections import OutboundSettings, RemoteSettings

NAME = "team/codetune"
ASLEEP = page("<h1>Preparing Space</h1>", 503)
BUSY = told({"detail": "full"}, 503, {WIRE_HEADER: "1"})
OLDER = told({"detail": "nothing is here"}, 404, {WIRE_HEADER: "1"})


def menu(*names, **fields):
    """What a service answers that offers prompts of these names."""
    said = {"description": "", "use_case": "", "tags": ["editor:file"], "version": 3, "output_schema": None}
    return told({"prompts": [{"name": name, "variables": [], **said, **fields} for name in names]})


async def half(request, body):
    """The beginning of an answer."""
    response = web.StreamResponse(headers={"Content-Type": "application/json", WIRE_HEADER: "1"})
    await response.prepare(request)
    await response.write(b'{"prompts": [')
    await asyncio.Event().wait()


@asynccontextmanager
async def asking(tmp_path, *answers, space=""):
    """A team whose service answers so, one after the other; and the service."""
    async with serving(Peer({EDITOR_PROMPTS_PATH: in_turn(*answers)})) as peer:
        service = RemoteExecutor.to_service(RemoteSettings(base_url=peer.origin, space=space))
        yield Team(service, Gate(OutboundSettings(), tmp_path / "outbound")), peer
        await service.aclose()


@pytest.fixture
async def hub(monkeypatch):
    async with hub_here(monkeypatch) as hub:
        hub.spaces[NAME] = HubSpace(private=False, stages=["RUNNING"])
        yield hub


@pytest.fixture
def clock(monkeypatch):
    """Seconds, which a test lets pass."""
    now = [1000.0]
    monkeypatch.setattr(module, "_now", lambda: now[0])
    return now


async def names(team):
    return [prompt.name for prompt in (await team.offered()).prompts]


async def test_a_service_is_asked_each_time(tmp_path):
    async with asking(tmp_path, menu("a"), menu("a", "b")) as (team, _):
        assert await names(team) == ["a"]
        assert await names(team) == ["a", "b"]


@pytest.mark.parametrize("answer", [ASLEEP, BUSY, silence, half])
async def test_what_it_said_last_holds_while_it_does_not_answer(tmp_path, monkeypatch, answer):
    async with asking(tmp_path, menu("a"), answer, menu("b")) as (team, _):
        assert await names(team) == ["a"]
        with monkeypatch.context() as patch:
            patch.setattr(module, "_SECONDS", 0.1)
            assert await names(team) == ["a"]
        assert await names(team) == ["b"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [(ASLEEP, Unreachable), (OLDER, Gone), (menu("a", version="x"), EngineLost)],
)
async def test_one_that_said_nothing_yet_or_says_nothing_of_the_kind_is_an_error(tmp_path, answer, error):
    async with asking(tmp_path, answer) as (team, _):
        with pytest.raises(error):
            await team.offered()


async def test_one_that_does_not_end_its_answer_cannot_be_reached(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_SECONDS", 0.1)
    async with asking(tmp_path, half) as (team, _):
        with pytest.raises(Unreachable):
            await team.offered()


async def test_what_was_said_does_not_hold_for_a_service_that_says_it_has_nothing_of_the_kind(tmp_path):
    async with asking(tmp_path, menu("a"), OLDER) as (team, _):
        await team.offered()
        with pytest.raises(Gone):
            await team.offered()


@pytest.mark.parametrize("stage", ["SLEEPING", "PAUSED", "STOPPED", "BUILDING", "APP_STARTING", "RUNTIME_ERROR"])
async def test_a_space_that_does_not_run_is_not_asked_which_would_wake_it(tmp_path, hub, stage):
    hub.spaces[NAME].stages = [stage]
    async with asking(tmp_path, menu("a"), space=NAME) as (team, peer):
        with pytest.raises(Unreachable):
            await team.offered()
        assert peer.asked == []


@pytest.mark.parametrize("status", [401, 402, 404, 500])
async def test_a_space_of_which_the_hub_does_not_say_that_it_runs_is_not_asked(tmp_path, hub, status):
    hub.refuse[f"GET /api/spaces/{NAME}/runtime"] = (status, "no")
    async with asking(tmp_path, menu("a"), space=NAME) as (team, peer):
        with pytest.raises(ExecutionError):
            await team.offered()
        assert peer.asked == []


async def test_a_space_that_runs_is_asked_once_an_hour_so_that_it_may_fall_asleep(tmp_path, hub, clock):
    async with asking(tmp_path, menu("a"), menu("b"), space=NAME) as (team, peer):
        assert [await names(team) for _ in range(3)] == [["a"]] * 3
        clock[0] += 3599
        assert await names(team) == ["a"]
        assert len(peer.asked) == len(hub.asked) == 1
        clock[0] += 1
        assert await names(team) == ["b"]
        assert len(peer.asked) == len(hub.asked) == 2


async def test_what_a_space_said_holds_while_it_sleeps(tmp_path, hub, clock):
    async with asking(tmp_path, menu("a"), space=NAME) as (team, peer):
        await team.offered()
        hub.spaces[NAME].stages = ["SLEEPING"]
        clock[0] += 3600
        assert await names(team) == ["a"]
        assert len(peer.asked) == 1
