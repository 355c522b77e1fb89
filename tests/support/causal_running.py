"""A causal runner over the small real model, in this process, and requests whose answers are collected."""

from dataclasses import dataclass, field
from functools import cache
from itertools import count

import small_models
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from codetune_core.engines.transformers.process.adapters import Adapters
from codetune_core.engines.transformers.process.causal.runner import CausalRunner
from codetune_core.engines.transformers.process.job import Job
from codetune_core.engines.transformers.process.load import Loaded
from codetune_core.engines.transformers.wire import Embedded, Failed, Finished, Generate, Piece, Scored
from codetune_core.models.load_plan import LoadPlan
from codetune_core.models.spec import Quantization

_NUMBERS = count(1)
SHORT, LONG = 40, 200
"""Tokens that are generated once for all that want fewer."""


@cache
def tokenizer():
    return AutoTokenizer.from_pretrained(small_models.TINY)


@cache
def reference():
    """The model as transformers runs it."""
    return AutoModelForCausalLM.from_pretrained(
        small_models.TINY, dtype=torch.float32, attn_implementation="eager"
    ).eval()


@cache
def _model():
    return AutoModelForCausalLM.from_pretrained(small_models.TINY, dtype=torch.float32).eval()


def alone(prompt: str, tokens: int) -> str:
    """What `generate` of transformers answers at temperature 0."""
    ids = _continuation(prompt, SHORT if tokens <= SHORT else LONG)
    return tokenizer().decode(ids[:tokens], skip_special_tokens=True)


@cache
def _continuation(prompt: str, tokens: int) -> list[int]:
    ids = tokenizer()(prompt, return_tensors="pt").input_ids
    found = reference().generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False)
    return found[0, ids.shape[1] :].tolist()


def plan(folder=small_models.TINY, **overrides) -> LoadPlan:
    chosen = {"context_tokens": 2048, "kv_tokens": 8192, "quantization": Quantization.FP32} | overrides
    return small_models.load_plan(folder, **chosen)


def runner(model=None, ends: tuple[int, ...] = (1,), adapters=(), **overrides) -> CausalRunner:
    """Return a runner; without a model, of the small one, whose weights all tests share."""
    model = model or _model()
    loaded = Loaded(model, tokenizer(), ends, 0, Adapters(model, dict(adapters)))
    return CausalRunner(loaded, plan(**overrides))


@dataclass(eq=False)
class Asked:
    """A request, and what it was told."""

    job: Job
    pieces: list[Piece] = field(default_factory=list)
    last: Finished | Embedded | Scored | Failed | None = None

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    def hear(self, answer) -> None:
        assert self.last is None, "nothing is told after the last answer"
        if isinstance(answer, Piece):
            self.pieces.append(answer)
        else:
            self.last = answer


def ask(runner: CausalRunner, prompt: str = "def add(a, b):\n", **request) -> Asked:
    """Hand a request on."""
    generate = Generate(**{"id": next(_NUMBERS), "prefix": prompt, "max_tokens": 16} | request)
    asked = Asked(Job(generate, tell=lambda answer: asked.hear(answer)))  # noqa: PLW0108 - it is not there yet
    runner.add(asked.job)
    return asked


def finish(runner: CausalRunner, steps: int = 5000) -> None:
    """Step until nothing is in hand."""
    assert any(not runner.step() for _ in range(steps)), "it never ends"


def answer(runner: CausalRunner, prompt: str = "def add(a, b):\n", **request) -> Asked:
    """Ask, and run to the end."""
    asked = ask(runner, prompt, **request)
    finish(runner)
    return asked
