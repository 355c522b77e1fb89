"""Measure a random-weight model of exactly the shape of WhiteRabbitNeo 33B, in NF4, on a GPU.

It writes the weights once, quantized, loads them through the code that loads real ones, and decodes with 4,096 tokens
of context at batch 1, 8 and 32, eagerly and with CUDA graphs; beside each figure stands the limit that the memory's
bandwidth sets. ``--shape toy --device cpu`` runs the same on any machine in seconds, as a test does.

    python tests/benchmarks/gpu/large.py --out benchmarks/gpu.json
"""

import argparse
import json
import platform
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer, BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM

from codetune_core.engines.transformers.process.causal.runner import CausalRunner
from codetune_core.engines.transformers.process.job import Job
from codetune_core.engines.transformers.process.load import Loaded, load
from codetune_core.engines.transformers.wire import Finished, Generate
from codetune_core.models.architecture import shape_of
from codetune_core.models.load_plan import LoadPlan
from codetune_core.models.memory import kv_bytes_per_token, weight_bytes
from codetune_core.models.spec import ModelSpec, PromptFormat, Quantization

TOKENIZER = Path(__file__).parents[2] / "fixtures" / "tiny-code-model"
SHAPES = {
    "33b": {
        "hidden_size": 7168, "intermediate_size": 19200, "num_hidden_layers": 62, "num_attention_heads": 56,
        "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 32256, "tie_word_embeddings": False,
        "max_position_embeddings": 16384,
        "rope_parameters": {"rope_type": "linear", "rope_theta": 100_000.0, "factor": 4.0},
    },
    "toy": {
        "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 32, "vocab_size": 4352, "tie_word_embeddings": False,
        "max_position_embeddings": 16384,
    },
}  # fmt: skip
"""Sizes as in the configs of the real ones."""


@dataclass(frozen=True)
class Case:
    """What is measured in one run."""

    batch: int
    context: int
    tokens: int


def write_model(folder: Path, shape: str, device: str) -> None:
    """Write random weights in NF4, layer by layer, so that no machine needs to hold them in 16 bits."""
    import bitsandbytes as bnb  # noqa: PLC0415 - takes seconds
    from accelerate import init_empty_weights  # noqa: PLC0415
    from transformers.integrations.bitsandbytes import replace_with_bnb_linear  # noqa: PLC0415
    from transformers.quantizers import AutoHfQuantizer  # noqa: PLC0415

    quantization = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    config = LlamaConfig(**SHAPES[shape], bos_token_id=0, eos_token_id=1, pad_token_id=2, dtype=torch.bfloat16)
    config.quantization_config = quantization
    with init_empty_weights():
        model = LlamaForCausalLM(config)
        model = replace_with_bnb_linear(model, ["lm_head"], quantization_config=quantization)
    torch.manual_seed(0)
    for module in model.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            value = torch.randn(parameter.shape, dtype=torch.bfloat16, device=device) * 0.02
            if isinstance(module, bnb.nn.Linear4bit) and name == "weight":
                new = bnb.nn.Params4bit(value.cpu(), requires_grad=False, compress_statistics=True, quant_type="nf4")
                module.weight = new.to(device)
            else:
                norm = name == "weight" and value.ndim == 1
                setattr(module, name, torch.nn.Parameter(torch.ones_like(value) if norm else value))
    model.is_loaded_in_4bit = True
    model.hf_quantizer = AutoHfQuantizer.from_config(quantization, pre_quantized=True)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(TOKENIZER).save_pretrained(folder)


def plan_for(folder: Path, shape: str, device: str, cases: list[Case]) -> LoadPlan:
    """Plan room for the largest case."""
    architecture = shape_of(json.loads((folder / "config.json").read_text())).architecture
    spec = ModelSpec(
        name=f"random-{shape}",
        id=str(folder),
        architecture=architecture,
        prompt_format=PromptFormat.PLAIN,
        context_tokens=max(case.context + case.tokens for case in cases) + 64,
    )
    room = max(case.batch * (case.context + case.tokens + 128) for case in cases)
    return LoadPlan(
        spec=spec,
        folder=str(folder),
        quantization=Quantization.NF4,
        prequantized=True,
        device="cuda:0" if device == "cuda" else device,
        context_tokens=spec.context_tokens,
        kv_tokens=room,
        slots=max(case.batch for case in cases),
        bytes_needed=weight_bytes(architecture, Quantization.NF4) + room * kv_bytes_per_token(architecture),
    )


def decode_rate(runner: CausalRunner, tokenizer: Any, case: Case, device: str) -> tuple[float, float]:
    """Tokens a second of all rows together once every prompt is read, and seconds to read the prompts."""
    finished: list[Finished] = []
    jobs = [
        Job(request(tokenizer, case, number), tell=lambda item: keep(finished, item)) for number in range(case.batch)
    ]
    began = time.perf_counter()
    for job in jobs:
        runner.add(job)
    before = runner.counts().generated_tokens
    while not all_decode(runner, case, before):
        runner.step()
    synchronize(device)
    prefilled, start = time.perf_counter(), runner.counts().generated_tokens
    while runner.counts().running == case.batch and not finished:
        runner.step()
    synchronize(device)
    rate = (runner.counts().generated_tokens - start) / (time.perf_counter() - prefilled)
    for job in jobs:
        job.cancelled.set()
    while runner.step():
        pass
    return rate, prefilled - began


def request(tokenizer: Any, case: Case, number: int) -> Generate:
    """A prompt of about the tokens wanted, a different one for each row, so that nothing is reused."""
    library = Path(sysconfig.get_paths()["stdlib"])
    text = f"# row {number}\n" + "\n".join(
        path.read_text("utf-8") for path in sorted(library.glob("*.py"))[number % 40 :][:8]
    )
    ids = tokenizer(text[: case.context * 8], add_special_tokens=False)["input_ids"][: case.context - 2]
    return Generate(id=number, prefix=tokenizer.decode(ids), max_tokens=case.tokens, temperature=1, seed=number)


def keep(finished: list[Finished], item: object) -> None:
    """Keep an answer's end."""
    if isinstance(item, Finished):
        finished.append(item)


def all_decode(runner: CausalRunner, case: Case, before: int) -> bool:
    """Whether every row has read its prompt: whoever has, gains a token a step."""
    counts = runner.counts()
    if counts.running < case.batch:
        return False
    gained = counts.generated_tokens
    runner.step()
    return runner.counts().generated_tokens - gained >= case.batch and gained > before


def synchronize(device: str) -> None:
    """Wait until the device has done what it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def bandwidth(device: str) -> float:
    """Bytes a second that the device copies within itself, read and written together."""
    size = 2**32 if device == "cuda" else 2**28
    source = torch.empty(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    synchronize(device)
    began = time.perf_counter()
    for _ in range(10):
        target.copy_(source)
    synchronize(device)
    return 20 * size / (time.perf_counter() - began)


def device_bytes(device: str) -> int:
    """Memory in use by tensors at its highest."""
    return torch.cuda.max_memory_allocated() if device == "cuda" else 0


@contextmanager
def loaded_model(plan: LoadPlan, *, graphs: bool) -> Iterator[tuple[Loaded, CausalRunner, float]]:
    """Load it anew, with or without CUDA graphs, and say how long that took."""
    began = time.perf_counter()
    loaded = load(plan, lambda stage, part: None)
    seconds = time.perf_counter() - began
    runner = CausalRunner(loaded, plan)
    if not graphs:
        runner._forward._graphs = None
    runner.warm_up()
    yield loaded, runner, seconds
    del runner, loaded
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All figures."""
    cases = [Case(batch, arguments.context, arguments.tokens) for batch in arguments.batches]
    began = time.perf_counter()
    write_model(folder, arguments.shape, arguments.device)
    written = time.perf_counter() - began
    plan = plan_for(folder, arguments.shape, arguments.device, cases)
    architecture = plan.spec.architecture
    assert architecture is not None
    speed = bandwidth(arguments.device)
    weights, per_token = weight_bytes(architecture, Quantization.NF4), kv_bytes_per_token(architecture)
    rows = []
    for graphs in (False, True) if arguments.device == "cuda" else (False,):
        with loaded_model(plan, graphs=graphs) as (loaded, runner, seconds):
            for case in cases:
                rate, prefill = decode_rate(runner, loaded.tokenizer, case, arguments.device)
                limit = case.batch * speed / (weights + case.batch * case.context * per_token)
                rows.append(
                    {
                        "batch": case.batch,
                        "context": case.context,
                        "graphs": graphs,
                        "tokens_per_second": round(rate, 1),
                        "bandwidth_limit": round(limit, 1),
                        "of_limit": round(rate / limit, 3),
                        "prefill_seconds": round(prefill, 2),
                        "load_seconds": round(seconds, 1),
                        "weights_bytes": loaded.weights_bytes,
                        "peak_bytes": device_bytes(arguments.device),
                    }
                )
                print(rows[-1], file=sys.stderr, flush=True)
    return {
        "shape": arguments.shape,
        "device": torch.cuda.get_device_name() if arguments.device == "cuda" else platform.processor(),
        "bandwidth_bytes_per_second": round(speed),
        "planned_weights_bytes": weights,
        "planned_bytes": plan.bytes_needed,
        "write_seconds": round(written, 1),
        "rows": rows,
        "versions": {name: version(name) for name in ("torch", "transformers", "bitsandbytes")},
        "date": datetime.now(UTC).date().isoformat(),
    }


def main() -> None:
    """Measure, print, and write the figures where it is said."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="33b")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--context", type=int, default=4096, help="tokens of each prompt")
    parser.add_argument("--tokens", type=int, default=64, help="of each answer")
    parser.add_argument("--folder", type=Path, help="where the weights are written: 18 GB of room for 33b")
    parser.add_argument("--out", type=Path, help="file of the figures, JSON")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        parser.error("there is no CUDA device here: --device cpu --shape toy shows that the script runs")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder, torch.inference_mode():
        found = measure(arguments, Path(folder))
    text = json.dumps(found, indent=2)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
