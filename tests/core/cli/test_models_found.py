"""The doctor's part about models: what they run on, who serves each role, and why."""

import importlib.util
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from http_peer import Peer, serving
from openai_server import card, models

from codetune_core.cli.models_found import found_models, models_as_json, models_as_text
from codetune_core.domain.execution import Role
from codetune_core.settings import Settings

TINY = Path(__file__).parents[2] / "fixtures" / "tiny-code-model"


@pytest.fixture(autouse=True)
def alone(workspace, monkeypatch, tmp_path):
    """Neither cards, nor servers, nor models of whoever runs the tests."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PATH", str(tmp_path))


async def check(**settings):
    """What is said to people, one line after the other, and to programs."""
    found = await found_models(Settings.model_validate(settings))
    return "\n".join(models_as_text(found)) + "\n", models_as_json(found)


async def test_nobody_serves_where_nothing_is_here_and_it_is_said_what_would():
    text, content = await check()
    assert text.startswith("device      the processor (")
    assert "server      none answers on its usual port\n" in text
    assert "embedding   nobody: no model for embedding is on this machine; all-MiniLM-L6-v2 would fit: " in text
    assert {found["engine"] for found in content["roles"].values()} == {None}
    assert "no server answers on its usual port; " in content["roles"]["review"]["why"]


async def test_a_model_whose_files_are_here_serves_the_role_that_names_it():
    text, content = await check(models={"review": str(TINY)})
    assert f"review      {TINY} (transformers): its files are here, and as " in text
    assert {role: found["engine"] for role, found in content["roles"].items() if found["engine"]} == {
        "review": "transformers"
    }


async def test_a_server_of_this_user_serves_what_nothing_else_does(monkeypatch):
    async with serving(Peer({"/v1/models": models(card("nomic-embed-text"), card("qwen3"))})) as peer:
        port = urlsplit(peer.origin).port
        monkeypatch.setattr("codetune_core.engines.local_servers.USUAL_PORTS", {"Ollama": port})
        text, content = await check(models={"review": str(TINY)})
    assert f"server      Ollama answers on port {port}: nomic-embed-text, qwen3\n" in text
    assert f"completion  qwen3 (openai): Ollama answers on port {port}; no model for completion is on " in text
    assert content["servers"] == [{"program": "Ollama", "port": port, "models": ["nomic-embed-text", "qwen3"]}]
    assert {role: (found["engine"], found["model"]) for role, found in content["roles"].items()} == {
        "review": ("transformers", str(TINY)),
        "generation": ("openai", "qwen3"),
        "completion": ("openai", "qwen3"),
        "embedding": ("openai", "nomic-embed-text"),
        "rerank": (None, ""),
    }


@pytest.mark.parametrize(
    ("engine", "says"),
    [
        ({"name": "none"}, "nobody: engine.name says that none does"),
        ({"name": "scripted"}, "its own choice (scripted): engine.name says so"),
        ({"name": "mine"}, "m1 (openai): engine.name says so"),
        (
            {"name": "fallback", "chain": ["mine", "transformers"]},
            "its own choice (fallback): engine.name says so, and engine.chain in which order: mine, transformers",
        ),
        ({"base_url": "http://10.0.0.1/v1", "model": "m2"}, "m2 (openai): engine.base_url says so"),
    ],
)
async def test_an_engine_that_is_named_serves_whatever_is_here(engine, says):
    text, _ = await check(engine=engine, engines={"mine": {"name": "openai", "model": "m1"}})
    assert [line for line in text.splitlines() if line.startswith(tuple(Role))] == [
        f"{role:<10}  {says}" for role in Role
    ]


async def test_the_engine_of_this_machine_asks_no_server(monkeypatch):
    async with serving(Peer({"/v1/models": models(card("qwen3"))})) as peer:
        usual = {"Ollama": urlsplit(peer.origin).port}
        monkeypatch.setattr("codetune_core.engines.local_servers.USUAL_PORTS", usual)
        _, content = await check(engine={"name": "transformers"})
    assert {found["engine"] for found in content["roles"].values()} == {None}


async def test_what_is_missing_of_the_local_extra_is_said(monkeypatch):
    known, hidden = importlib.util.find_spec, {"torch", "peft"}
    monkeypatch.setattr(
        "codetune_core.models.local_extra.find_spec", lambda name: None if name in hidden else known(name)
    )
    text, content = await check(models={"review": str(TINY)})
    assert "local       lacks torch, peft: pip install 'codetune[local]'\n" in text
    assert "review      nobody: tiny-code-model cannot be loaded without torch: pip install 'codetune[local]'\n" in text
    assert content["missing"] == ["torch", "peft"]


async def test_a_mistake_in_the_user_s_catalogue_is_said(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("models: [{name: x}]")
    text, content = await check(models={"catalogue": path})
    assert f"mistake     {path}: models[1] (x) is not used: `id`: field required" in text
    assert len(content["mistakes"]) == 1


async def test_the_card_that_is_found_is_named_with_what_is_free(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '0, GPU-1, NVIDIA L4, 23034, 22000'\n")
    program.chmod(0o755)
    text, content = await check()
    assert text.startswith(
        "device      NVIDIA L4: 22.9 GB for models\ncard        NVIDIA L4: 23.1 GB of 24.2 GB free\n"
    )
    assert content["gpus"] == [{"name": "NVIDIA L4", "bytes": 23034 * 2**20, "free_bytes": 22000 * 2**20}]
    assert content["device"]["name"] == "cuda:0"
