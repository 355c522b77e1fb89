"""The sizes of a model whose architecture is not known are counted from the headers of its weights."""

import json
import shutil
from pathlib import Path

import pytest

from codetune_core.domain.execution import Role
from codetune_core.models.architecture import shape_of
from codetune_core.models.choose import load_plan
from codetune_core.models.tensors import counted
from codetune_core.settings import Settings

TINY = Path(__file__).parents[2] / "fixtures" / "tiny-code-model"
CONFIG = json.loads((TINY / "config.json").read_text())


def test_the_headers_tell_what_the_formula_tells():
    assert counted(TINY, CONFIG) == shape_of(CONFIG).architecture


def test_the_names_of_older_configs_are_known():
    old = {"vocab_size": 4096, "n_embd": 192, "n_layer": 4, "n_head": 4, "num_kv_heads": 2}
    assert counted(TINY, old) == shape_of(CONFIG).architecture


@pytest.mark.parametrize("missing", ["vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads"])
def test_a_config_that_misses_a_size_gives_none(missing):
    assert counted(TINY, {name: value for name, value in CONFIG.items() if name != missing}) is None


@pytest.mark.parametrize("content", [b"", b"\xff" * 16, b"\x02\0\0\0\0\0\0\0[]", b"\x04\0\0\0\0\0\0\0oops"])
def test_what_is_no_safetensors_gives_none(tmp_path, content):
    (tmp_path / "model.safetensors").write_bytes(content)
    assert counted(tmp_path, CONFIG) is None


def test_a_folder_of_an_architecture_that_nobody_listed_is_planned(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "new"
    shutil.copytree(TINY, folder)
    (folder / "config.json").write_text(json.dumps(CONFIG | {"model_type": "new", "architectures": ["NewForCausalLM"]}))
    plan = load_plan(str(folder), Role.REVIEW, Settings())
    assert plan.spec.architecture == shape_of(CONFIG).architecture
    assert plan.bytes_needed == load_plan(str(TINY), Role.REVIEW, Settings()).bytes_needed
