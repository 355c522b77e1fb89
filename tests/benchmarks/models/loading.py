"""Measure how long a model loads that was quantized beforehand, against one that is quantized while it loads."""

import tempfile
import time
from pathlib import Path

import small_models
import torch

from codetune_core.engines.transformers.process.load import load
from codetune_core.engines.transformers.process.quantize import save
from codetune_core.models.load_plan import LoadPlan
from codetune_core.models.spec import Quantization

_ROUNDS = 3


def _nothing(_: str, __: float) -> None:
    pass


def _seconds(plan: LoadPlan) -> float:
    began = time.perf_counter()
    load(plan, _nothing)
    return time.perf_counter() - began


def main() -> dict[str, float]:
    """Return medians of seconds, and their ratio, of a Llama of 270 M parameters in NF4."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source", Path(folder) / "nf4"
        sizes = {"hidden": 1024, "layers": 24, "heads": 16, "kv_heads": 16, "vocabulary": 8192}
        small_models.llama(source, **sizes, dtype="float16")
        plan = small_models.load_plan(source, quantization=Quantization.NF4, threads=torch.get_num_threads())
        save(plan, target, _nothing)
        written = plan.model_copy(update={"folder": str(target), "prequantized": True})
        # In turns, so that what else the machine does weighs on both.
        both = [(_seconds(plan), _seconds(written)) for _ in range(_ROUNDS)]
        whole, before = (sorted(each)[_ROUNDS // 2] for each in zip(*both, strict=True))
        return {
            "quantize_on_load_s": whole,
            "prequantized_s": before,
            "ratio": before / whole,
            "source_bytes": float((source / "model.safetensors").stat().st_size),
            "nf4_bytes": float((target / "model.safetensors").stat().st_size),
        }


if __name__ == "__main__":
    print(main())
