"""The memory plan, against models that are really loaded."""

import json
from pathlib import Path

import pytest
import torch
import transformers

from codetune_core.models.architecture import shape_of
from codetune_core.models.memory import weight_bytes
from codetune_core.models.spec import Quantization

FIXTURES = Path(__file__).parents[2] / "fixtures"
BF16, INT8, NF4 = Quantization.BF16, Quantization.INT8, Quantization.NF4


@pytest.mark.slow
@pytest.mark.parametrize("quantization", [Quantization.FP32, BF16, INT8, NF4])
@pytest.mark.parametrize("large", [False, True])
def test_a_loaded_model_takes_what_was_planned(tmp_path, quantization, large):
    """Loaded by transformers and bitsandbytes themselves: the trained fixture, and one that is mostly linear layers."""

    folder = FIXTURES / "tiny-code-model"
    if large:
        folder = wider(tmp_path)
    packed = {
        INT8: {"load_in_8bit": True},
        NF4: {
            "load_in_4bit": True,
            "bnb_4bit_quant_type": "nf4",
            "bnb_4bit_use_double_quant": True,
            "bnb_4bit_compute_dtype": torch.bfloat16,
        },
    }.get(quantization)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=torch.float32 if quantization is Quantization.FP32 else torch.bfloat16,
        quantization_config=transformers.BitsAndBytesConfig(**packed) if packed else None,
        device_map="cpu",
    )
    sizes = shape_of(json.loads((folder / "config.json").read_text("utf-8"))).architecture
    assert held_bytes(model) == pytest.approx(weight_bytes(sizes, quantization), rel=0.01 if large else 0.02)


def wider(tmp_path: Path) -> Path:
    """A model of 40 million weights on disk, most of them in linear layers."""

    config = transformers.AutoConfig.for_model(
        "llama", hidden_size=1024, intermediate_size=2816, num_hidden_layers=3, num_attention_heads=16,
        num_key_value_heads=4, vocab_size=512,
    )  # fmt: skip
    transformers.AutoModelForCausalLM.from_config(config).to(config.dtype).save_pretrained(tmp_path)
    return tmp_path


def held_bytes(model) -> int:
    """Bytes of all tensors that a model holds, with the scales that bitsandbytes keeps beside its weights."""
    held = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors(model)}
    return sum(held.values())


def tensors(model):

    for tensor in (*model.parameters(), *model.buffers()):
        yield tensor
        for name in ("SCB", "CB"):
            if isinstance(extra := getattr(tensor, name, None), torch.Tensor):
                yield extra
        if state := getattr(tensor, "quant_state", None):
            nested = state.state2
            for part in (state.absmax, state.code, *((nested.absmax, nested.code) if nested else ())):
                if isinstance(part, torch.Tensor):
                    yield part
