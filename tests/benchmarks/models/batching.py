"""Continuous batching and prompt lookup against one-at-a-time `generate` of transformers, on the same model, in turns.

The model has random weights in the shape of a small Llama (110 million parameters, held in 8 bits as large ones are on
a processor), so that time goes into weights and not into Python. What it answers is drawn at random, or written down
where an edit of a file is measured.
"""

import json
import os
import random
import statistics
import sys
import time
from itertools import count
from pathlib import Path

import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

from codetune_core.engines.transformers.process.adapters import Adapters
from codetune_core.engines.transformers.process.causal import runner as causal
from codetune_core.engines.transformers.process.int8 import quantize
from codetune_core.engines.transformers.process.job import Job
from codetune_core.engines.transformers.process.load import Loaded
from codetune_core.engines.transformers.wire import Finished, Generate, Piece
from codetune_core.models.load_plan import LoadPlan
from codetune_core.models.spec import ModelSpec, Quantization

TOKENIZER = Path(__file__).parents[2] / "fixtures" / "tiny-code-model"
CONCURRENCY = (1, 8, 32)
ANSWER = 32
"""Tokens of an answer."""
PROMPT = (8, 40)
"""Tokens of a prompt, at least and at most."""
FILE = 300
"""Tokens of the file that is edited."""
EDITED = 0.04
"""Part of its tokens that the edit changes."""
TURNS = 2


class Scripted(LlamaForCausalLM):
    """Computes as any Llama, and then answers what ``script`` has for the next position, where there is one."""

    script: torch.Tensor | None = None

    def forward(self, input_ids=None, position_ids=None, logits_to_keep=0, **kwargs):
        found = super().forward(input_ids=input_ids, position_ids=position_ids, logits_to_keep=logits_to_keep, **kwargs)
        if self.script is not None:
            kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
            places = position_ids[0, kept] + 1
            found.logits[0, torch.arange(len(places)), self.script[places]] = 1e4
        return found


def scripted_model() -> Scripted:
    torch.manual_seed(0)
    sizes = {"hidden_size": 1024, "intermediate_size": 2816, "num_hidden_layers": 9}
    heads = {"num_attention_heads": 16, "num_key_value_heads": 4, "max_position_embeddings": 4096}
    config = LlamaConfig(vocab_size=4096, **sizes, **heads, bos_token_id=0, eos_token_id=1, pad_token_id=2)
    model = Scripted(config).eval()
    quantize(model, model.lm_head)
    return model


class Bench:
    """One model, asked in both ways; each returns tokens a second."""

    def __init__(self) -> None:
        self.model = scripted_model()
        self._tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
        self._numbers = count()
        spec = ModelSpec(name="bench", id=str(TOKENIZER), context_tokens=4096)
        self._plan = LoadPlan(
            spec=spec, folder=str(TOKENIZER), quantization=Quantization.INT8, context_tokens=4096, kv_tokens=16384
        )

    def one_at_a_time(self, prompts: list[list[int]], tokens: int, **options) -> float:
        self.model.set_attn_implementation("sdpa")
        began = time.perf_counter()
        for prompt in prompts:
            ids = torch.tensor([prompt])
            mask = torch.ones_like(ids)
            self.model.generate(ids, attention_mask=mask, max_new_tokens=tokens, min_new_tokens=tokens, **options)
        return len(prompts) * tokens / (time.perf_counter() - began)

    def batched(self, prompts: list[list[int]], tokens: int, *, drafts: bool = True, **options) -> float:
        runner = self._runner()
        if not drafts:
            runner._scheduler.decoded = 0
        ended: list[Finished] = []
        began = time.perf_counter()
        for prompt in prompts:
            self._add(runner, prompt, ended, max_tokens=tokens, **options)
        while runner.step():
            pass
        seconds = time.perf_counter() - began
        if [end.completion_tokens for end in ended] != [tokens] * len(prompts):
            raise RuntimeError(f"not all was generated: {ended}")
        return len(prompts) * tokens / seconds

    def _runner(self) -> causal.CausalRunner:
        self.model.set_attn_implementation("sdpa")
        loaded = Loaded(self.model, self._tokenizer, (), 0, Adapters(self.model, {}))
        runner = causal.CausalRunner(loaded, self._plan)
        runner.warm_up()
        return runner

    def _add(self, runner: causal.CausalRunner, prompt: list[int], ended: list[Finished], **options) -> None:
        request = Generate(id=next(self._numbers), prefix="", **options)
        job = Job(request, lambda answer: None if isinstance(answer, Piece) else ended.append(answer))
        # The tokens themselves, since random ones are not what their text would be encoded as.
        runner._scheduler.add(runner._of_tokens(job, request, prompt))


def prompts(number: int) -> list[list[int]]:
    chance = random.Random(7)
    return [[chance.randrange(3, 4000) for _ in range(chance.randint(*PROMPT))] for _ in range(number)]


def edit() -> tuple[list[int], list[int]]:
    """Return a prompt that holds a file, and an answer that repeats it with some tokens changed."""
    chance = random.Random(3)
    file = [chance.randrange(3, 4000) for _ in range(FILE)]
    edited = [chance.randrange(3, 4000) if chance.random() < EDITED else token for token in file]
    return [11, *file, 12], edited


def batching(bench: Bench) -> dict[str, float]:
    """Requests at once against one after the other; of the latter a few suffice for tokens a second."""
    found: dict[str, float] = {}
    for number in CONCURRENCY:
        asked, pairs = prompts(number), []
        for turn in range(TURNS):
            ours = bench.batched(asked, ANSWER, temperature=1.0, seed=turn)
            pairs.append((ours, bench.one_at_a_time(asked[:2], ANSWER, do_sample=True)))
        found |= _row(f"batch_{number}", pairs)
    return found


def speculation(bench: Bench) -> dict[str, float]:
    """An edit of a file with drafts against without, by our runner and by `generate`."""
    prompt, answer = edit()
    found: dict[str, float] = {}
    bench.model.script = torch.tensor([*prompt, *answer, 0])
    pairs = []
    for _ in range(TURNS):
        ours = bench.batched([prompt], len(answer))
        pairs.append((ours, bench.batched([prompt], len(answer), drafts=False)))
    found |= _row("edit", pairs)
    peer = bench.one_at_a_time([prompt], len(answer), do_sample=False)
    bench.model.script = None
    return found | {
        "edit_generate_tokens_per_second": peer,
        "edit_against_generate": found["edit_tokens_per_second"] / peer,
    }


def _row(name: str, pairs: list[tuple[float, float]]) -> dict[str, float]:
    ours, peer = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(ours / peer for ours, peer in pairs)
    return {f"{name}_tokens_per_second": ours, f"{name}_peer_tokens_per_second": peer, f"{name}_ratio": ratio}


def main() -> dict[str, float]:
    """Measure, print and return the figures."""
    torch.set_num_threads(int(os.environ.get("BENCH_THREADS", os.cpu_count() or 1)))
    bench = Bench()
    found = batching(bench) | speculation(bench)
    print(json.dumps({name: round(value, 2) for name, value in found.items()}, indent=2))
    return found


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
