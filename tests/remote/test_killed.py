"""What is killed under a service, its database or a model's process: it lives on, and records nothing twice."""

import asyncio
import os
import shutil
import signal
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from api_client import Api
from conformance import served
from databases import PROGRAMS, postgresql_server
from model_processes import counting_plan, hosts, pid_of
from running import SQLITE, Gate, running
from serving import on_socket, settings_for
from serving import running as opened
from small_models import TINY
from streams import engine_of, eventually, quiet, stream

from codetune_core.domain.prompt import Variable, VariableType
from codetune_core.engines.transformers.engine import TransformersEngine
from codetune_core.storage.database import Database
from codetune_core.storage.migrate import upgrade
from codetune_core.storage.url import parse_url

COUNT = {"prompt": "explain", "variables": {"words": "count to 3"}}
WORDS = Variable(name="words", type=VariableType.LINE)


@pytest.fixture
def counting(database, tmp_path):
    """``async with counting() as (client, hosts, service)``: models whose processes are real and weights are not."""

    @asynccontextmanager
    async def found(name="counting"):
        shutil.copy(TINY / "tokenizer.json", tmp_path)
        async with hosts() as own:
            engine = TransformersEngine(lambda *_: counting_plan(name, folder=str(tmp_path)), own)
            prompt = {"user_prompt_template": "{{ words }}", "variables": (WORDS,), "max_tokens": 4000}
            async with running(database, engine, prompt=prompt) as parts, served(parts, tmp_path) as (service, runner):
                path = tmp_path / "s"
                await web.UnixSite(runner, path).start()
                connector = aiohttp.UnixConnector(str(path))
                async with aiohttp.ClientSession("http://localhost", connector=connector) as client:
                    yield client, own, service

    return found


async def alive(client) -> None:
    async with client.get("/healthz") as answer:
        assert await answer.json() == {"status": "alive"}


def asking(client, words):
    return stream(client, prompt="explain", variables={"words": words}, fresh=True)


@SQLITE
async def test_it_lives_while_a_model_loads_generates_and_dies_and_only_what_ran_there_is_lost(counting, tmp_path):
    async with counting("counting-slow") as (client, own, service):
        waiting = asyncio.create_task(client.post("/api/execute", json={"task": "explain", **COUNT}))
        while not [status for status in (await own.loaded()).values() if not status.loaded]:
            await alive(client)
        (tmp_path / "go").touch()
        async with await waiting as answer:
            assert '"output":"0 1 2 "' in await answer.text()
        async with asking(client, "count forever") as asked:
            await asked.until("token")
            await alive(client)
            first = await pid_of(own, "counting-slow")
            os.kill(first, signal.SIGKILL)
            await alive(client)
            last = (await asked.rest()).events[-1]
            assert (last["type"], last["kind"]) == ("failed", "engine_lost")
            assert "killed by signal 9" in last["message"]
        await alive(client)
        async with asking(client, "count to 4") as asked:
            assert (await asked.rest()).events[-1]["output"] == "0 1 2 3 "
        assert await pid_of(own, "counting-slow") != first
        await eventually(lambda: not service.hub.running, what="all are recorded")
        listed = await Api(client).check("GET /api/execution/history")
        assert [item["success"] for item in listed["items"]] == [True, False, True]


@SQLITE
async def test_a_model_that_dies_while_it_loads_fails_what_waits_for_it_in_words(counting):
    async with counting("counting-dies") as (client, _, service):
        async with asking(client, "count to 3") as asked:
            last = (await asked.rest()).events[-1]
        assert (last["type"], last["kind"]) == ("failed", "engine_lost")
        assert "free(): invalid pointer" in last["message"]
        await alive(client)
        assert not service.admission.gate.running


@pytest.fixture(scope="module")
def mortal():
    """A server of our own, whose transactions are there once they are committed, whatever happens to it."""
    if PROGRAMS is None:
        pytest.skip("PostgreSQL is not installed")
    with postgresql_server("synchronous_commit=on") as server:
        yield server


@pytest.fixture
def mortal_url(mortal):
    """A fresh database there, without tables."""
    return mortal.create()


@pytest.fixture
async def on_mortal(mortal_url, tmp_path):
    """A service on it, and who owns its socket."""
    url = mortal_url
    async with Database(parse_url(url)) as database:
        await upgrade(database)
    settings = settings_for(tmp_path, url, storage={"database_url": url, "connect_seconds": 0.3})
    async with opened(settings) as service, on_socket(service, tmp_path / "s") as client:
        yield service, Api(client)
        await quiet(service)


async def outcome(api, code):
    """The last event of an execution."""
    async with stream(api.client, variables={"code": code, "language": "python"}, fresh=True) as asked:
        return (await asked.rest()).events[-1]


async def held(api, service, task_group):
    """Begin an execution, and hold its engine in the middle; the gate, and the task that gives its last event."""
    engine_of(service).gate = gate = Gate(1)
    task = task_group.create_task(outcome(api, "held"))
    await gate.reached.wait()
    begun = "GET /api/execution/history"
    while not [item for item in (await api.check(begun))["items"] if item["success"] is None]:
        await asyncio.sleep(0.005)
    return gate, task


@pytest.mark.postgresql
async def test_a_database_that_is_killed_takes_no_stream_with_it_and_is_used_again_once_it_is_back(mortal, on_mortal):
    service, api = on_mortal
    assert (await outcome(api, "before"))["type"] == "finished"
    async with asyncio.TaskGroup() as group:
        gate, running = await held(api, service, group)
        mortal.crash()
        try:
            await alive(api.client)
            not_ready = await api.check("GET /readyz", 503)
            assert not_ready["detail"] == "the database does not answer"
            gate.open.set()
            assert (await running)["output"] == "it adds"
            refused = await outcome(api, "meanwhile")
            assert refused["type"] == "failed"
            assert "cannot be reached" in refused["message"]
            problem = await api.check("GET /api/prompts/", 503)
            assert "cannot be reached" in problem["detail"]
            await quiet(service)
        finally:
            mortal.start()
    assert (await outcome(api, "afterwards"))["type"] == "finished"
    items = (await api.check("GET /api/execution/history"))["items"]
    # The end of the one that ran could not be written: the upkeep closes it as lost.
    assert [item["success"] for item in items] == [True, None, True]


@pytest.mark.postgresql
async def test_a_database_that_is_restarted_while_a_stream_runs_costs_nothing(mortal, on_mortal):
    service, api = on_mortal
    async with asyncio.TaskGroup() as group:
        gate, running = await held(api, service, group)
        mortal.crash()
        mortal.start()
        gate.open.set()
        assert (await running)["output"] == "it adds"
    await quiet(service)
    items = (await api.check("GET /api/execution/history"))["items"]
    assert [item["success"] for item in items] == [True]
