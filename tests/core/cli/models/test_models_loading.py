"""``codetune models pull``, ``convert``, ``load`` and ``unload``, as they are run."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from model_processes import end_all

from codetune_core.cli.models.loading import size
from codetune_core.models.licences import licence_accepted
from codetune_core.models.spec import Licence, ModelSpec

TINY = Path(__file__).parents[3] / "fixtures" / "tiny-code-model"


@pytest.fixture(autouse=True)
def alone(workspace, monkeypatch, tmp_path):
    """Neither cards nor models of whoever runs the tests."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture
def check(run):
    def run_and_check(*arguments, code: int = 0, says: str = "", text=None) -> str:
        result = run("models", *arguments, text=text)
        assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
        assert says in result.output, result.output
        return result.output

    return run_and_check


@pytest.fixture
def restricted(tmp_path):
    """A model of the user's own whose terms have to be accepted."""
    folder = tmp_path / "home" / "codetune"
    folder.mkdir(parents=True)
    entry = (
        f"- {{name: mine, id: {TINY}, context_tokens: 512, licence: {{name: Strict, terms: No war., accept: true}}}}"
    )
    (folder / "models.yaml").write_text(f"models:\n{entry}\n")
    return ModelSpec(
        name="mine", id=str(TINY), context_tokens=512, licence=Licence(name="Strict", terms="No war.", accept=True)
    )


def test_terms_are_shown_and_have_to_be_accepted(check, restricted):
    check("pull", "mine", code=2, says="No war.")
    assert not licence_accepted(restricted)
    check("load", "mine", code=2, says="give --accept-licence")


def test_accepted_terms_are_not_asked_again(check, restricted):
    check("pull", "mine", "--accept-licence", code=2, says="is no Hugging Face id")
    assert licence_accepted(restricted)
    assert "No war" not in check("pull", "mine", code=2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pull", "no-such-model"), "there is no model 'no-such-model'"),
        (("pull", "owner/name"), "HF_HUB_OFFLINE is set"),
        (("convert", "no-such-model"), "there is no model"),
        (("convert", "codet5p-220m"), "codetune models pull codet5p-220m"),
        (("convert", str(TINY)), "in safetensors already"),
        (("load",), "Say which MODEL, or a --role"),
        (("load", "codet5p-220m"), "codetune models pull codet5p-220m"),
        (("load", str(TINY), "--role", "dancing"), "is not one of"),
        (("unload",), "Say which MODEL, or --all"),
        (("unload", "x", "--all"), "Say which MODEL, or --all"),
        (("unload", "codet5p-220m"), "is not loaded"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(check, arguments, words, monkeypatch):
    with tempfile.TemporaryDirectory(prefix="ct") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        check(*arguments, code=2, says=words)


@pytest.mark.parametrize(("count", "words"), [(0, "0 MB"), (4.8e6, "5 MB"), (17.9e9, "17.9 GB")])
def test_a_size_is_said_for_people(count, words):
    assert size(count) == words


@pytest.mark.slow
async def test_a_model_is_quantized_loaded_for_every_terminal_and_unloaded(tmp_path):
    model = tmp_path / "small"
    shutil.copytree(TINY, model)
    with tempfile.TemporaryDirectory(prefix="ct") as folder:
        environment = os.environ | {"XDG_RUNTIME_DIR": folder, "XDG_DATA_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}

        def codetune(*words, code: int = 0) -> dict:
            command = [sys.executable, "-m", "codetune_core.cli.main", "models", *words, "--format", "json"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
            assert done.returncode == code, done.stderr
            return json.loads(done.stdout) if code == 0 else {"error": done.stderr}

        try:
            made = codetune("convert", str(model), "--to", "nf4")["made"]
            assert [each["to"] for each in made] == ["nf4"]
            assert "there as nf4 already" in codetune("convert", str(model), "--to", "nf4", code=2)["error"]
            first = codetune("load", str(model))
            assert (first["name"], first["context_tokens"]) == ("small", 2048)
            assert codetune("load", str(model))["load_seconds"] == first["load_seconds"]
            [loaded] = codetune("list")["loaded"]
            assert (loaded["model"], loaded["quantization"]) == ("small", first["quantization"])
            assert (loaded["running"], loaded["waiting"]) == (0, 0)
            assert codetune("unload", str(model)) == {"unloaded": ["small"], "processes": 1}
            assert "loaded are: none" in codetune("unload", str(model), code=2)["error"]
            assert codetune("unload", "--all") == {"unloaded": [], "processes": 0}
        finally:
            for runtime in Path(folder).rglob("*.lock"):
                await end_all(runtime.parent)
