"""Models over HTTP: which there are, loading them in the background, unloading them."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from api_client import Api, people
from model_processes import counting_plan, hosts
from serving import on_socket, running, settings_for

from codetune_core.domain.service_key import Scope
from codetune_core.engines.transformers import engine as transformers
from codetune_core.engines.transformers.engine import TransformersEngine
from codetune_core.engines.transformers.loads import ModelLoads
from codetune_core.errors import SettingsError

LOAD, UNLOAD, AVAILABLE = "POST /api/models/load", "POST /api/models/unload", "GET /api/models/available"
NAMES = ("counting", "counting-slow", "counting-fails", "counting-dies")


@pytest.fixture
def settings(sqlite_url, tmp_path):
    """A catalogue of our own with models that count."""
    entries = [{"name": name, "id": f"team/{name}", "context_tokens": 4096} for name in NAMES]
    entries.append({"name": "of-a-folder", "id": str(tmp_path), "context_tokens": 4096})
    catalogue = tmp_path / "models.yaml"
    catalogue.write_text(yaml.safe_dump({"models": entries}))
    return settings_for(tmp_path, sqlite_url, models={"catalogue": str(catalogue)})


@pytest.fixture
async def counting(service, tmp_path, monkeypatch):
    """The folder of models whose processes are real and whose weights are not; ``go`` in it lets the slow one load."""
    monkeypatch.setattr(transformers, "load_tokenizer", lambda _: None)  # there is none without weights

    def plan_for(name, role):
        if name not in NAMES:
            raise SettingsError(f"no model for {role} is on this machine")
        return counting_plan(name, folder=str(tmp_path))

    async with hosts() as own:
        vars(service.core)["loads"] = ModelLoads(lambda: TransformersEngine(plan_for, own))
        yield tmp_path


async def until(admin, wanted):
    """Ask what is available until it is as wanted."""
    while not wanted(found := await admin.check(AVAILABLE)):
        await asyncio.sleep(0.02)
    return found


def state_of(found, model):
    return {each["model"]: each["state"] for each in found["loaded"]}.get(model)


@pytest.mark.usefixtures("counting")
async def test_a_model_is_loaded_used_by_all_and_unloaded(admin):
    begun = await admin.check(LOAD, 202, {"model": "counting"})
    assert (begun["model"]["name"], begun["model"]["quantization"]) == ("counting", "fp32")
    found = await until(admin, lambda found: state_of(found, "counting") == "loaded")
    assert found["loads"] == []
    again = await admin.check(LOAD, 202, {"model": "TEAM/counting"} | {"model": "counting"})
    assert again["state"] == "loaded"
    assert again["load_ms"] >= 0
    assert await admin.check(UNLOAD, body={"model": "team/Counting"}) == {"models": ["counting"], "processes": 1}
    problem = await admin.check(UNLOAD, 404, {"model": "counting"})
    assert "loaded are: none" in problem["detail"]
    assert (await admin.check(AVAILABLE))["loaded"] == []


async def test_who_asks_for_a_model_that_is_being_loaded_joins_and_nobody_waits(admin, counting):
    begun = [await admin.check(LOAD, 202, {"model": "counting-slow"}) for _ in range(2)]
    assert begun[0]["state"] == begun[1]["state"] == "loading"
    assert begun[0]["started_at"] == begun[1]["started_at"]
    found = await until(admin, lambda found: state_of(found, "counting-slow") and found["loads"][0]["stage"])
    assert state_of(found, "counting-slow") == "loading"
    assert [(load["state"], load["stage"], load["part"]) for load in found["loads"]] == [("loading", "weights", 0.5)]
    (counting / "go").touch()
    found = await until(admin, lambda found: state_of(found, "counting-slow") == "loaded" and not found["loads"])
    assert len(found["loaded"]) == 1


@pytest.mark.usefixtures("counting")
@pytest.mark.parametrize(
    ("model", "why"), [("counting-fails", "no such weights"), ("counting-dies", "invalid pointer")]
)
async def test_a_load_that_fails_says_why_until_it_is_tried_again(admin, model, why):
    await admin.check(LOAD, 202, {"model": model})
    found = await until(admin, lambda found: any(load["state"] == "failed" for load in found["loads"]))
    assert why in found["loads"][0]["error"]
    await admin.check(LOAD, 202, {"model": model})
    found = await until(admin, lambda found: any(load["state"] == "failed" for load in found["loads"]))
    assert len(found["loads"]) == 1


async def test_a_model_is_unloaded_also_while_it_is_being_loaded(admin, counting):
    await admin.check(LOAD, 202, {"model": "counting-slow"})
    await until(admin, lambda found: state_of(found, "counting-slow") == "loading")
    assert (await admin.check(UNLOAD, body={"model": "counting-slow"}))["processes"] == 1
    found = await until(admin, lambda found: not found["loaded"] and found["loads"][0]["state"] == "failed")
    assert not (counting / "go").exists()
    assert found["loads"][0]["error"]


@pytest.mark.usefixtures("counting")
async def test_what_cannot_be_loaded_is_said_at_once(admin):
    for name in ("nobody", "../..", "/etc", "~", "counting/../x"):
        assert (await admin.check(LOAD, 404, {"model": name}))["type"] == "/problems/not-found"
        await admin.check(UNLOAD, 404, {"model": name})
    assert "on this machine" in (await admin.check(LOAD, 409, {"role": "review"}))["detail"]
    for wrong in ({}, {"model": ""}, {"role": "poet"}, {"model": "x" * 301}):
        await admin.check(LOAD, 422, wrong)
    await admin.check(UNLOAD, 422, {"model": ""})


async def test_the_list_says_who_answers_and_what_there_is_and_no_path_of_the_machine(admin, tmp_path):
    found = await admin.check(AVAILABLE)
    roles = {each["role"]: each for each in found["roles"]}
    assert {roles[role]["model"]["name"] for role in ("review", "generation", "completion")} == {"scripted"}
    assert roles["embedding"]["model"] is None
    assert "codetune models pull" in roles["embedding"]["why"]
    models = {each["name"]: each for each in found["models"]}
    assert (models["of-a-folder"]["id"], models["of-a-folder"]["own"]) == ("", True)
    assert (models["counting"]["id"], models["counting"]["state"]) == ("team/counting", "absent")
    assert models["Qwen2.5-Coder-1.5B"]["parameters"] > 10**9
    assert str(Path(tmp_path)) not in str(found)


async def test_only_an_administrator_loads_and_unloads(service):
    async with people(service, user=(Scope.READ, Scope.EXECUTE, Scope.PROMPTS_WRITE)) as known:
        await known["user"].check(LOAD, 403, {"model": "counting"})
        await known["user"].check(UNLOAD, 403, {"model": "counting"})
        found = await known["user"].check(AVAILABLE)
        assert {each["why"] for each in found["roles"]} == {"", "whoever runs the service can see why"}


@asynccontextmanager
async def asked(settings, folder):
    async with running(settings) as service, on_socket(service, folder / "s") as client:
        yield service, Api(client)


async def test_a_service_that_ends_lets_go_of_what_it_loads(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(transformers, "load_tokenizer", lambda _: None)
    async with hosts() as own:
        async with asked(settings, tmp_path) as (service, admin):
            plan = counting_plan("counting-slow", folder=str(tmp_path))
            vars(service.core)["loads"] = ModelLoads(lambda: TransformersEngine(lambda *_: plan, own))
            await admin.check(LOAD, 202, {"model": "counting-slow"})
            await until(admin, lambda found: state_of(found, "counting-slow") == "loading")
        (status,) = (await own.loaded()).values()
        assert not status.loaded
