"""How weights are held: the arguments with which transformers loads them, and what they take."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from codetune_core.engines.transformers.process.int8 import Int8Linear
from codetune_core.errors import EngineRefused
from codetune_core.models.load_plan import LoadPlan
from codetune_core.models.spec import Quantization

_TYPES = {Quantization.FP32: torch.float32, Quantization.FP16: torch.float16, Quantization.BF16: torch.bfloat16}


def held(plan: LoadPlan, config: Any) -> dict[str, Any]:
    """Return the type of what is not quantized, and how the rest is; a folder that is quantized already says so itself.

    NF4 is that of QLoRA (Dettmers et al. 2023), with double quantization. Raises EngineRefused where the folder's
    files are not what the plan says.
    """
    stored = getattr(config, "quantization_config", None)
    if stored:
        return {"dtype": _plain_type(plan), "config": _computed_in(config, stored, plan)}
    if plan.prequantized:
        raise EngineRefused(f"{plan.folder} is not quantized: run `codetune models convert {plan.spec.name}` again")
    how = _bitsandbytes(plan)
    return {"dtype": _plain_type(plan)} | ({"quantization_config": how} if how else {})


def in_8_bit_by_torch(plan: LoadPlan, config: Any) -> bool:
    """Whether linear layers become Int8Linear once they are loaded."""
    stored = getattr(config, "quantization_config", None)
    return plan.quantization is Quantization.INT8 and plan.device == "cpu" and not stored


def _plain_type(plan: LoadPlan) -> torch.dtype:
    if plan.quantization in _TYPES:
        return _TYPES[plan.quantization]
    gpu_int8 = plan.quantization is Quantization.INT8 and plan.device != "cpu"
    return torch.float16 if gpu_int8 else torch.bfloat16


def _bitsandbytes(plan: LoadPlan) -> Any:
    from transformers import BitsAndBytesConfig  # noqa: PLC0415 - also without bitsandbytes, whole weights load

    if plan.quantization is Quantization.NF4:
        return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=_compute_type(plan),
        )
    on_gpu = plan.quantization is Quantization.INT8 and plan.device != "cpu"
    return BitsAndBytesConfig(load_in_8bit=True) if on_gpu else None  # type: ignore[no-untyped-call]


def _compute_type(plan: LoadPlan) -> torch.dtype:
    """Return the type in which NF4 is multiplied: processors without AVX512-BF16 are slower in bfloat16."""
    if plan.device != "cpu":
        return torch.bfloat16
    from bitsandbytes.functional import has_avx512bf16  # noqa: PLC0415

    fast: bool = has_avx512bf16()  # type: ignore[no-untyped-call]
    return torch.bfloat16 if fast else torch.float32


def _computed_in(config: Any, stored: Any, plan: LoadPlan) -> Any:
    """Return the folder's config, with NF4 multiplied in the type that is best on this machine."""
    how = stored if isinstance(stored, dict) else stored.to_dict()
    if plan.prequantized and not how.get("load_in_4bit" if plan.quantization is Quantization.NF4 else "load_in_8bit"):
        raise EngineRefused(f"{plan.folder} is not quantized as {plan.quantization}: remove it, and convert it again")
    if how.get("load_in_4bit"):
        how["bnb_4bit_compute_dtype"] = str(_compute_type(plan)).removeprefix("torch.")
        config.quantization_config = how
    return config


def held_bytes(model: nn.Module) -> int:
    """Return what a model's weights take, with all that their quantization adds."""
    return sum({tensor.untyped_storage().data_ptr(): tensor.nbytes for tensor in _tensors(model)}.values()) + sum(
        module.held_bytes for module in model.modules() if isinstance(module, Int8Linear)
    )


def _tensors(model: nn.Module) -> Iterator[torch.Tensor]:
    yield from model.buffers()
    for parameter in model.parameters():
        yield parameter
        yield from _scales(getattr(parameter, "quant_state", None))
        for name in ("CB", "SCB"):
            value = getattr(parameter, name, None)
            if isinstance(value, torch.Tensor):
                yield value


def _scales(state: Any) -> Iterator[torch.Tensor]:
    """Yield what NF4 keeps beside the weights: block scales, and the scales of these."""
    while state is not None:
        yield from (value for value in (state.absmax, state.code, state.offset) if isinstance(value, torch.Tensor))
        state = state.state2
