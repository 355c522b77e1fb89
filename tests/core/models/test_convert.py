"""Pickled weights become safetensors in a child that may do nothing else; what is no tensor is refused."""

import json
import pickle
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import small_models
from safetensors import safe_open

from codetune_core.errors import SettingsError
from codetune_core.models.choose import load_plan
from codetune_core.models.convert import convert
from codetune_core.models.files import converted_folder, located
from codetune_core.models.spec import ModelSpec, Quantization
from codetune_core.settings import Settings

WRITE = """
import json, sys, torch
from pathlib import Path
from safetensors.torch import load_file
source, target, parts = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
tensors = load_file(source / "model.safetensors")
tensors["tied.weight"] = tensors[next(iter(tensors))]
names = sorted(tensors)
if parts == 1:
    torch.save(tensors, target / "pytorch_model.bin")
else:
    places = {name: f"pytorch_model-{1 + n % parts:05}-of-{parts:05}.bin" for n, name in enumerate(names)}
    for file in set(places.values()):
        torch.save({name: tensors[name] for name in names if places[name] == file}, target / file)
    (target / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}))
"""
SANDBOX = """
import json, os, socket, subprocess, sys
from pathlib import Path
from codetune_core.models.sandbox import enter
own, other = Path(sys.argv[1]), Path(sys.argv[2])
held = enter(own)
def what(action):
    try:
        action()
    except OSError as error:
        return type(error).__name__
    return "done"
print(json.dumps([held, {
    "write own": what(lambda: (own / "a").write_text("x")),
    "write other": what(lambda: (other / "a").write_text("x")),
    "change other": what(lambda: (other / "there").write_text("x")),
    "remove other": what((other / "there").unlink),
    "read other": what((other / "there").read_text),
    "program": what(lambda: subprocess.run(["/bin/true"])),
    "network": what(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[3])), 2)),
}]))
"""


@pytest.fixture
def spec(tmp_path, monkeypatch):
    """The small model with its weights pickled, not yet converted."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    folder = tmp_path / "pickled"
    shutil.copytree(small_models.TINY, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    return ModelSpec(name="pickled", id=str(folder), context_tokens=2048)


def pickled(spec: ModelSpec, parts: int = 1) -> None:
    subprocess.run([sys.executable, "-c", WRITE, small_models.TINY, spec.id, str(parts)], check=True)


def names(folder: Path) -> set[str]:
    """Of all tensors in a folder."""
    found = set()
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "np") as file:
            found |= set(file.keys())
    return found


@pytest.mark.parametrize("parts", [1, 3])
def test_every_tensor_is_in_the_copy_which_is_then_loaded(spec, parts):
    pickled(spec, parts)
    with pytest.raises(SettingsError, match="codetune models convert pickled"):
        load_plan(spec.id, "generation", Settings())
    told = []
    found = convert(spec, lambda *each: told.append(each))
    assert told == [(number, parts) for number in range(1, parts + 1)]
    assert found.quantization is Quantization.BF16
    assert found.folder == converted_folder(spec, Quantization.BF16) == located(spec, Quantization.NF4).folder
    assert found.tensors == len(names(Path(small_models.TINY))) + 1
    assert names(found.folder) == {*names(Path(small_models.TINY)), "tied.weight"}
    assert {"config.json", "tokenizer.json", "chat_template.jinja"} <= {path.name for path in found.folder.iterdir()}
    assert [path for path in found.folder.parent.iterdir() if path != found.folder] == []


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("/dev/shm/codetune-was-here"),))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pickle.dumps({"a": Evil()}), "are not converted: UnpicklingError"),
        (pickle.dumps([1, 2]), "are not converted"),
        (b"", "are not converted"),
        (b"\x80\x02garbage", "are not converted"),
    ],
)
def test_what_holds_anything_but_tensors_is_refused_and_nothing_of_it_runs(spec, content, words):
    (Path(spec.id) / "pytorch_model.bin").write_bytes(content)
    with pytest.raises(SettingsError, match=words):
        convert(spec, lambda *_: None)
    assert not Path("/dev/shm/codetune-was-here").exists()
    home = converted_folder(spec, Quantization.BF16).parent
    assert list(home.iterdir()) == []


def test_what_has_safetensors_needs_no_conversion():
    with pytest.raises(SettingsError, match="in safetensors already"):
        convert(ModelSpec(name="small", id=str(small_models.TINY), context_tokens=1), lambda *_: None)


def test_what_is_not_here_is_pulled_first(spec):
    with pytest.raises(SettingsError, match="codetune models pull pickled"):
        convert(spec, lambda *_: None)
    with pytest.raises(SettingsError, match="codetune models pull pickled"):
        convert(spec.model_copy(update={"id": "nobody/nothing"}), lambda *_: None)


def test_a_copy_that_cannot_be_written_is_said(spec, tmp_path, monkeypatch):
    (Path(spec.id) / "pytorch_model.bin").write_bytes(b"")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    with pytest.raises(SettingsError, match="the copy of pickled could not be written"):
        convert(spec, lambda *_: None)


def test_the_sandbox_takes_the_network_programs_and_other_files(tmp_path):
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own, other):
        folder.mkdir()
    (other / "there").write_text("x")
    with socket.create_server(("127.0.0.1", 0)) as server:
        command = [sys.executable, "-c", SANDBOX, own, other, str(server.getsockname()[1])]
        held, did = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert did["write own"] == did["read other"] == "done"
    if "no network" in held:
        assert did["network"] != "done"
    if any("below" in each for each in held):
        refused = ("write other", "change other", "remove other", "program")
        assert {did[name] for name in refused} == {"PermissionError"}
        assert (other / "there").read_text() == "x"
