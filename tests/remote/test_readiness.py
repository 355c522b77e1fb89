"""Whether the service can execute: what it waits for, about how long, and where it cannot at all."""

import json

import pytest
from serving import on_tcp, running, settings_for

from codetune_core.domain.clock import utc_now
from codetune_core.domain.execution import ModelIdentity
from codetune_core.engines.transformers.loads import Load, LoadState
from codetune_core.engines.transformers.wire import Status
from codetune_core.errors import EngineLost, StorageError
from codetune_core.models.load_times import LoadTimes
from codetune_core.storage.database import Database
from codetune_remote.observe import readiness
from codetune_remote.observe.readiness import Readiness


@pytest.fixture
def settings(sqlite_url, tmp_path):
    return settings_for(tmp_path, sqlite_url)


@pytest.fixture(autouse=True)
def runtime(tmp_path, monkeypatch):
    """Where a container would say what it fetches."""
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setattr(readiness, "_runtime", lambda: folder)
    return folder


async def ready(service):
    async with on_tcp(service) as client, client.get("/readyz") as answer:
        return answer.status, answer.headers.get("Retry-After"), await answer.json()


def loads(service, monkeypatch, *statuses, under_way=()):
    """Let the model processes say this of themselves."""

    async def loaded():
        return list(statuses)

    monkeypatch.setattr(service.core.loads, "loaded", loaded)
    monkeypatch.setattr(service.core.loads, "under_way", lambda: list(under_way))


def process(model, *, loaded=False, seconds=0.0):
    return Status(id=1, model=model, quantization="nf4", device="cuda:0", loaded=loaded, loading_seconds=seconds)


async def test_with_an_engine_that_answers_it_is_ready(settings):
    async with running(settings) as service:
        status, _, said = await ready(service)
    assert status == 200
    assert said == {"status": "ready", "detail": "", "engine": "scripted", "loading": []}


@pytest.mark.parametrize("expected", [(90.0, 60.0, "60"), (40.0, 10.0, "10"), (None, None, "5")])
async def test_while_a_model_loads_it_says_about_how_long_that_takes(settings, tmp_path, monkeypatch, expected):
    known, remaining, after = expected
    times = LoadTimes(tmp_path / "times")
    if known:
        for seconds in (known, known / 2, known * 3):
            times.note("big", "nf4", "cuda:0", seconds)
    async with running(settings) as service:
        service.readiness = Readiness(service.core, times)
        loads(service, monkeypatch, process("big", seconds=30))
        status, retry, said = await ready(service)
    assert (status, retry) == (503, after)
    assert said["type"] == "/problems/unavailable"
    assert said["state"] == "loading"
    assert said["loading"] == [
        {"model": "big", "state": "loading", "stage": "", "part": None, "seconds": 30, "remaining_seconds": remaining}
    ]


async def test_how_far_a_load_is_stands_beside_it(settings, tmp_path, monkeypatch):
    load = Load(ModelIdentity("big", "transformers", 10), utc_now(), stage="reading weights", part=0.5)
    async with running(settings) as service:
        service.readiness = Readiness(service.core, LoadTimes(tmp_path / "times"))
        loads(service, monkeypatch, process("big", seconds=3), under_way=[load])
        [said] = (await ready(service))[2]["loading"]
    assert (said["stage"], said["part"]) == ("reading weights", 0.5)


async def test_a_model_that_loads_beside_one_that_answers_takes_nothing_away(settings, monkeypatch):
    async with running(settings) as service:
        loads(service, monkeypatch, process("small", loaded=True, seconds=5), process("big", seconds=1))
        status, _, said = await ready(service)
    assert status == 200
    assert [(each["model"], each["state"]) for each in said["loading"]] == [("big", "loading")]


async def test_a_load_that_failed_is_said_without_its_words(settings, monkeypatch):
    failed = Load(ModelIdentity("big", "transformers", 10), utc_now(), LoadState.FAILED, error="/home/ada/secret")
    async with running(settings) as service:
        loads(service, monkeypatch, under_way=[failed])
        status, _, said = await ready(service)
    assert (status, said["loading"][0]["state"]) == (200, "failed")
    assert "secret" not in json.dumps(said)


@pytest.mark.parametrize(("state", "status"), [("pulling", 503), ("waiting", 503), ("ready", 200), ("failed", 200)])
async def test_weights_that_a_container_fetches_are_waited_for(settings, runtime, state, status):
    (runtime / "weights.json").write_text(json.dumps({"big": state}))
    async with running(settings) as service:
        assert (await ready(service))[0] == status


async def test_without_an_engine_it_is_ready_for_prompts_and_says_so(sqlite_url, tmp_path):
    settings = settings_for(tmp_path, sqlite_url)
    none = settings.model_copy(update={"engine": settings.engine.model_copy(update={"name": "none"})})
    async with running(none) as service:
        status, _, said = await ready(service)
    assert (status, said["status"]) == (200, "prompts-only")
    assert "nothing can be executed" in said["detail"]


async def test_an_engine_that_does_not_answer_is_no_engine(settings, monkeypatch):
    async def away(*_):
        raise EngineLost("http://10.0.0.7 hung up")

    async with running(settings) as service:
        monkeypatch.setattr(type(service.core.engine), "model", away)
        status, _, said = await ready(service)
    assert (status, said["state"], said["detail"]) == (503, "unavailable", "the engine scripted does not answer")


async def test_a_database_that_does_not_answer_is_told_from_an_engine(settings, monkeypatch):
    def away(_):
        raise StorageError("postgresql://team@10.0.0.8 is away")

    async with running(settings) as service:
        monkeypatch.setattr(Database, "read", away)
        status, _, said = await ready(service)
    assert (status, said["detail"]) == (503, "the database does not answer")


async def test_a_service_that_is_about_to_end_is_not_ready(settings):
    async with running(settings) as service:
        service.draining = True
        status, _, said = await ready(service)
    assert (status, said["type"], said["state"]) == (503, "/problems/draining", "draining")


async def test_probes_cost_one_look_a_second(settings, monkeypatch):
    looked = []
    async with running(settings) as service:
        original = service.readiness._look

        async def look():
            looked.append(1)
            return await original()

        monkeypatch.setattr(service.readiness, "_look", look)
        monkeypatch.setattr(readiness, "_REMEMBERED_SECONDS", 1000.0)
        for _ in range(20):
            await service.readiness.look()
    assert looked == [1]
