"""Pulling a model from a hub on this machine: only what is needed, resumed, checked, pinned, and refused in words."""

import asyncio
import json
import os
import sys

import pytest
from hub_server import Hub, digest, hub

FILES = {
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": b"{}",
    "README.md": b"---\nlicense: mit\n---\n",
    "model.safetensors": b"weights " * 200_000,
    "pytorch_model.bin": b"pickle",
    "onnx/model.onnx": b"other",
    "modeling_own.py": b"raise SystemExit",
}
PROGRAM = """
import json, sys
from codetune_core.errors import SettingsError
from codetune_core.models.pull import pull
from codetune_core.models.spec import ModelSpec
told = []
try:
    found = pull(ModelSpec(**json.loads(sys.argv[1])), lambda *each: told.append(each))
except SettingsError as error:
    print(json.dumps({"error": str(error)}))
else:
    files = sorted(str(path.relative_to(found.folder)) for path in found.folder.rglob("*") if path.is_file())
    print(json.dumps({"folder": str(found.folder), "revision": found.revision, "size": found.size,
        "pickled": found.pickled, "files": files, "first": told[0], "last": told[-1], "told": len(told)}))
"""


@pytest.fixture
async def server():
    async with hub() as running:
        running.repositories["acme/model"] = dict(FILES)
        yield running


@pytest.fixture
def pull(server, tmp_path):
    """Pull in a program of its own, since huggingface_hub reads its environment once."""

    async def pulled(**spec) -> dict:
        environment = os.environ | {
            "HF_ENDPOINT": server.url, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_DISABLE_XET": "1", "XDG_DATA_HOME": str(tmp_path / "data"), "HF_HUB_DISABLE_TELEMETRY": "1",
        }  # fmt: skip
        asked = json.dumps({"name": "m", "id": "acme/model", "context_tokens": 1} | spec)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, asked, env=environment, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        return json.loads(output)

    return pulled


async def test_what_loading_needs_comes_with_progress_and_is_pinned(pull, server, tmp_path):
    found = await pull()
    assert found["files"] == ["README.md", "config.json", "model.safetensors", "tokenizer.json"]
    assert found["revision"] == server.commit("acme/model")
    assert found["size"] == sum(len(FILES[name]) for name in found["files"])
    assert found["first"] == ["pulling", 0, found["size"]]
    assert found["last"][0] == "checking"
    assert found["last"][1] == found["last"][2] == len(FILES["model.safetensors"])
    assert not found["pickled"]
    pins = json.loads((tmp_path / "data" / "codetune" / "models" / "pins.json").read_text())
    expected = {"model.safetensors": digest(FILES["model.safetensors"])}
    assert pins == {"acme/model": {"revision": found["revision"], "files": expected}}


async def test_pickled_weights_come_only_where_there_are_no_others(pull, server):
    del server.repositories["acme/model"]["model.safetensors"]
    found = await pull()
    assert found["pickled"]
    assert "pytorch_model.bin" in found["files"]


async def test_a_pull_that_breaks_off_is_gone_on_with_where_it_stopped(pull, server):
    server.repositories["acme/model"]["model.safetensors"] = bytes(24_000_000)
    server.cut = 15_000_000
    assert (await pull())["last"] == ["checking", 24_000_000, 24_000_000]
    starts = [int(asked[6:-1]) for _, path, asked in server.asked if path.endswith("model.safetensors") and asked]
    assert max(starts) >= 10_000_000


async def test_what_is_here_is_not_pulled_again(pull, server):
    await pull()
    server.asked.clear()
    assert (await pull())["last"][0] == "checking"
    assert not [path for method, path, _ in server.asked if method == "GET" and "/resolve/" in path]


async def test_a_damaged_file_is_removed_and_the_next_pull_gets_it_anew(pull, server):
    server.damaged.add("model.safetensors")
    assert "model.safetensors of acme/model came damaged" in (await pull())["error"]
    server.damaged.clear()
    assert (await pull())["revision"]


async def test_a_model_stays_at_the_commit_it_was_pinned_to(pull, server):
    pinned = (await pull())["revision"]
    server.repositories["acme/model"]["config.json"] = b'{"model_type": "other"}'
    assert f"no revision {pinned}" in (await pull())["error"]


async def test_a_file_that_is_not_what_the_catalogue_says_is_refused(pull):
    assert "is not what it was when it was pinned" in (await pull(files={"model.safetensors": "0" * 64}))["error"]


async def test_what_does_not_fit_the_disk_is_refused_before_it_is_pulled(pull, server, monkeypatch):
    monkeypatch.setattr(Hub, "_sibling", lambda self, name, data: {"rfilename": name, "size": 10**17})
    assert "make room, or set HF_HOME" in (await pull())["error"]
    assert not [path for _, path, _ in server.asked if "/resolve/" in path]


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (401, "GatedRepo", "accept its terms on its page"),
        (401, "RepoNotFound", "hf auth login"),
        (404, "RepoNotFound", "has no model acme/model"),
        (429, "", "answered 429"),
        (500, "", "answered 500"),
    ],
)
async def test_what_the_hub_refuses_is_said_with_what_to_do(pull, server, status, error, words):
    server.status, server.error = status, error
    assert words in (await pull())["error"]


async def test_a_hub_that_cannot_be_reached_is_said(pull, server):
    server.url = "http://127.0.0.1:1"
    assert "cannot be reached" in (await pull())["error"]
