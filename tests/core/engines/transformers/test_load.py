"""Weights are loaded as the plan says, from safetensors only, and what keeps them from it is said in words."""

import io
import json
import sys

import pytest
import small_models
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from codetune_core.engines.transformers.process import load as loading
from codetune_core.engines.transformers.process.int8 import Int8Linear
from codetune_core.engines.transformers.process.load import load
from codetune_core.engines.transformers.process.quantize import main, save
from codetune_core.engines.transformers.wire import TELLING, LoadFailed, Loading
from codetune_core.errors import EngineRefused
from codetune_core.models.spec import Kind, Quantization

IDS = torch.arange(7, 39)[None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return small_models.llama(tmp_path_factory.mktemp("models") / "llama", hidden=128, layers=3)


@pytest.fixture
def copy(tmp_path):
    return small_models.llama(tmp_path / "llama", layers=1)


def load_quietly(folder, quantization=Quantization.FP32, **fields):
    return load(small_models.load_plan(folder, quantization=quantization, **fields), lambda *_: None)


def logits_of(loaded):
    with torch.inference_mode():
        return loaded.model(IDS).logits.float()


def refusal(folder, **fields) -> str:
    with pytest.raises(EngineRefused) as caught:
        load_quietly(folder, **fields)
    return str(caught.value)


def edit_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("quantization", "bits", "likeness"),
    [("fp32", 32, 1), ("bf16", 16, 0.999), ("fp16", 16, 0.9999), ("int8", 8.5, 0.99), ("nf4", 4.6, 0.95)],
)
def test_a_model_loads_at_every_quantization_and_says_what_it_takes(folder, quantization, bits, likeness):
    loaded = load_quietly(folder, Quantization(quantization))
    weights = small_models.tensors(folder)
    linear = sum(tensor.size for name, tensor in weights.items() if "_proj" in name)
    rest = sum(tensor.size for name, tensor in weights.items() if "_proj" not in name)
    plain = 4 if quantization == "fp32" else 2
    assert loaded.weights_bytes == pytest.approx(linear * bits / 8 + rest * plain, rel=0.03)
    found, whole = logits_of(loaded), logits_of(load_quietly(folder))
    assert torch.cosine_similarity(found.flatten(), whole.flatten(), 0) >= likeness - 1e-6
    assert not any(each.requires_grad for each in loaded.model.parameters())


def test_what_is_loaded_is_what_lies_on_disk(folder):
    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        torch.testing.assert_close(logits_of(load_quietly(folder)), plain(IDS).logits)


def test_positions_are_scaled_as_the_old_spelling_says(folder):
    assert load_quietly(folder).model.config.rope_parameters["factor"] == 4


@pytest.mark.parametrize("make", ["qwen2", "t5"])
def test_other_architectures_load(tmp_path, make):
    kind = Kind.SEQ2SEQ if make == "t5" else Kind.CAUSAL
    folder = getattr(small_models, make)(tmp_path / make)
    loaded = load(small_models.load_plan(folder, kind, Quantization.NF4), lambda *_: None)
    assert loaded.weights_bytes < (folder / "model.safetensors").stat().st_size / 2


def test_ends_are_those_of_all_configs_of_the_spec_and_the_marks_of_infill(tmp_path):
    folder = small_models.qwen2(tmp_path / "qwen2")
    loaded = load_quietly(folder, spec_stop_token_ids=(77,))
    names = ("<|im_end|>", "<|endoftext|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
    assert set(loaded.end_token_ids) == {77, *loaded.tokenizer.convert_tokens_to_ids(names)}


def test_progress_goes_from_0_to_1(folder):
    told = []
    load(small_models.load_plan(folder), lambda stage, part: told.append((stage, part)))
    parts = [part for _, part in told]
    assert parts[0] == 0
    assert parts[-1] == 1
    assert parts == sorted(parts)
    assert len({part for stage, part in told if stage == "loading weights"}) > 10


def test_one_request_hardly_changes_anothers_8_bit_answer():
    torch.manual_seed(0)
    linear = torch.nn.Linear(64, 32)
    packed = Int8Linear(linear)
    rows = torch.randn(4, 64)
    loud = torch.cat([rows, torch.randn(1, 64) * 1000, torch.zeros(1, 64)])
    with torch.inference_mode():
        alone, together, right = packed(rows), packed(loud)[:4], linear(rows)
        torch.testing.assert_close(packed(torch.zeros(1, 64)), linear.bias[None])
    assert (together - alone).abs().max() < 0.03
    assert (alone - right).abs().max() < 0.06


def test_a_folder_without_a_model_says_pull(tmp_path):
    folder = small_models.llama(tmp_path / "llama")
    (folder / "config.json").rename(tmp_path / "config.json")
    plan = small_models.load_plan(tmp_path).model_copy(update={"folder": str(folder)})
    with pytest.raises(EngineRefused, match="run `codetune models pull"):
        load(plan, lambda *_: None)


def test_pickled_weights_are_refused_in_words(copy):
    torch.save({}, copy / "pytorch_model.bin")
    (copy / "model.safetensors").unlink()
    assert "run `codetune models convert llama`" in refusal(copy)


def test_pickled_weights_beside_safetensors_are_not_opened(copy):
    (copy / "pytorch_model.bin").write_bytes(b"not even pickle")
    assert load_quietly(copy).weights_bytes > 0


def test_missing_files_are_named(copy):
    (copy / "model.safetensors").unlink()
    assert "weights of llama are missing" in refusal(copy)


def test_missing_weights_are_not_made_up(copy):
    weights = {name: torch.from_numpy(value) for name, value in small_models.tensors(copy).items()}
    del weights["model.norm.weight"]
    save_file(weights, copy / "model.safetensors", {"format": "pt"})
    assert "model.norm.weight" in refusal(copy)


def test_a_damaged_file_is_named_so(copy):
    data = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(data[: len(data) // 2])
    assert "damaged" in refusal(copy)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "nobody-knows"}, "nobody-knows"),
        ({"hidden_size": 128}, "cannot be loaded"),
        ({"model_type": "mine", "auto_map": {"AutoConfig": "configuration.Mine"}}, "models.remote_code"),
        ({"model_type": "bert"}, "are missing in its files"),
    ],
)
def test_a_config_that_cannot_be_used_is_an_error_in_words(copy, changes, words):
    edit_config(copy, **changes)
    assert words in refusal(copy)


CODE = """
from pathlib import Path
from transformers import LlamaConfig
Path({path!r}).touch()
class Mine(LlamaConfig):
    model_type = "mine"
"""


def test_code_of_a_model_runs_only_where_it_is_allowed(copy, tmp_path, monkeypatch):
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    (copy / "configuration.py").write_text(CODE.format(path=str(tmp_path / "ran")))
    edit_config(copy, model_type="mine", auto_map={"AutoConfig": "configuration.Mine"})
    refusal(copy)
    assert not (tmp_path / "ran").exists()
    refusal(copy, remote_code=True)  # the config is read, and is none of a causal model
    assert (tmp_path / "ran").exists()


def test_code_of_another_repository_never_runs(copy):
    edit_config(copy, auto_map={"AutoModelForCausalLM": "someone/else--modeling.Model"})
    assert "another repository" in refusal(copy, remote_code=True)


def test_memory_that_runs_out_says_what_would_fit(copy, monkeypatch):
    def burst(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 60 GiB")

    monkeypatch.setattr(loading.AutoModelForCausalLM, "from_pretrained", burst)
    words = refusal(copy, quantization=Quantization.BF16)
    assert "not enough memory on cpu for llama as bf16" in words
    assert "set models.quantization to nf4" in words
    assert "set models.quantization" not in refusal(copy, quantization=Quantization.NF4)


def test_an_error_of_torch_is_told(copy, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no such device")

    monkeypatch.setattr(loading.AutoModelForCausalLM, "from_pretrained", fail)
    assert "no such device" in refusal(copy)


@pytest.fixture(scope="module")
def written(folder):
    target = folder.with_name("nf4")
    size = save(small_models.load_plan(folder, quantization=Quantization.NF4), target, lambda *_: None)
    return target, size


def test_a_model_quantized_beforehand_is_the_same_model_and_smaller(folder, written):
    target, size = written
    plan = {"quantization": Quantization.NF4}
    before = load_quietly(target, prequantized=True, **plan)
    while_loading = load_quietly(folder, **plan)
    torch.testing.assert_close(logits_of(before), logits_of(while_loading), rtol=0, atol=0)
    assert before.weights_bytes == while_loading.weights_bytes
    assert before.end_token_ids == while_loading.end_token_ids
    assert size < (folder / "model.safetensors").stat().st_size / 2


def test_it_is_still_a_folder_of_safetensors_with_its_tokenizer(written):
    names = {file.name for file in written[0].iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    assert not any(name.endswith((".bin", ".pt")) for name in names)


@pytest.mark.parametrize("quantization", [Quantization.INT8, Quantization.FP32])
def test_files_quantized_otherwise_than_planned_are_refused(folder, written, quantization):
    planned = {"quantization": Quantization.INT8, "prequantized": True}
    assert "not quantized as int8" in refusal(written[0], **planned)
    assert "is not quantized" in refusal(folder, **planned)


def test_writing_leaves_nothing_behind_where_it_fails(folder, tmp_path):
    for plan in (
        small_models.load_plan(folder, quantization=Quantization.INT8),
        small_models.load_plan(folder, quantization=Quantization.NF4, prequantized=True),
        small_models.load_plan(folder, Kind.SEQ2SEQ, Quantization.NF4),
    ):
        with pytest.raises(EngineRefused):
            save(plan, tmp_path / "target", lambda *_: None)
    assert list(tmp_path.iterdir()) == []


def tell(monkeypatch, capsys, plan, target):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(plan.model_dump_json().encode())))
    monkeypatch.setattr(sys, "argv", ["quantize", str(target)])
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code
    return code, [TELLING.validate_json(line) for line in capsys.readouterr().out.splitlines()]


def test_the_program_tells_how_far_it_is(folder, tmp_path, monkeypatch, capsys):
    plan = small_models.load_plan(folder, quantization=Quantization.NF4)
    code, told = tell(monkeypatch, capsys, plan, tmp_path / "nf4")
    assert code == 0
    assert all(isinstance(each, Loading) for each in told)
    assert told[-1] == Loading(stage="written", part=1)
    assert (tmp_path / "nf4" / "model.safetensors").is_file()


def test_the_program_says_why_it_cannot(folder, tmp_path, monkeypatch, capsys):
    plan = small_models.load_plan(folder, quantization=Quantization.FP16)
    code, told = tell(monkeypatch, capsys, plan, tmp_path / "fp16")
    assert code == 1
    assert isinstance(told[-1], LoadFailed)
    assert "only nf4" in told[-1].message
