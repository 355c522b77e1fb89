"""One forward pass of a model over the paged cache."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch

from codetune_core.engines.transformers.process.causal.attention import NAME
from codetune_core.engines.transformers.process.causal.cache import PagedCache
from codetune_core.engines.transformers.process.causal.graphs import Graphs
from codetune_core.engines.transformers.process.causal.scheduler import Turn
from codetune_core.engines.transformers.process.causal.step import Span, Step, layout

_LAYERS = {"full_attention", "sliding_attention"}
_PROBE = 8
"""Tokens by which it is found out whether our attention gives what the model's own gives."""
_ALIKE = 0.98


class Forward(Protocol):
    """Computes logits; after it, keys and values of what was computed are held."""

    def __call__(self, turns: list[Turn], interrupted: Callable[[], bool]) -> torch.Tensor:
        """Return the logits that the turns want, one after the other: ``[rows, vocabulary]``, float32.

        Turns of one token come first. Raises Interrupted within one layer after ``interrupted`` says so, and
        RuntimeError where memory runs out (torch.OutOfMemoryError on a GPU).
        """
        ...


class PagedForward:
    """All turns in one pass; the model's attention is switched to ours."""

    def __init__(self, model: Any, cache: PagedCache, device: str) -> None:
        self._model, self._cache, self._device = model, cache, device
        model.set_attn_implementation(NAME)
        self._graphs = Graphs(self._run, cache, device) if device.startswith("cuda") else None

    def __call__(self, turns: list[Turn], interrupted: Callable[[], bool]) -> torch.Tensor:
        """Compute all turns at once."""
        spans = [Span(turn.sequence.computed, turn.ids, turn.sequence.blocks) for turn in turns]
        if self._graphs and all(len(span.ids) == 1 for span in spans) and all(turn.wanted for turn in turns):
            logits = self._graphs.logits(spans, turns[0].sequence.request.adapter)
            if logits is not None:
                return logits
        return self._run(layout(self._cache, spans, [turn.wanted for turn in turns], self._device, interrupted))

    def _run(self, step: Step) -> torch.Tensor:
        found = self._model(
            input_ids=step.ids, position_ids=step.positions, use_cache=False, logits_to_keep=step.keep, step=step
        )
        logits: torch.Tensor = found.logits[0].float()
        return logits


def can_be_paged(model: Any, device: str) -> bool:
    """Return whether a model computes over the paged cache what it computes by itself; it is tried.

    A model with recurrent layers, as Qwen3.6, or with an attention of its own kind cannot.
    """
    if model.config._attn_implementation == NAME:  # noqa: SLF001 - the name is stored nowhere else
        return True
    config = model.config.get_text_config(decoder=True)
    kinds = set(getattr(config, "layer_types", None) or _LAYERS)
    if not (model._supports_attention_backend and kinds <= _LAYERS):  # noqa: SLF001 - what the library asks itself
        return False
    ids = list(range(1, 1 + _PROBE))
    step = layout(PagedCache(1, grow=False), [Span(0, ids, [1])], [_PROBE], device)
    with torch.inference_mode():
        wanted = model(input_ids=step.ids, position_ids=step.positions, use_cache=False).logits[0].float()
        try:
            with _switched(model):
                found = model(input_ids=step.ids, position_ids=step.positions, use_cache=False, step=step)
        except (TypeError, NotImplementedError, RuntimeError, AttributeError):
            return False
    likeness = torch.nn.functional.cosine_similarity(wanted, found.logits[0].float())
    return bool((likeness > _ALIKE).all())


@contextmanager
def _switched(model: Any) -> Iterator[None]:
    before = model.config._attn_implementation  # noqa: SLF001 - as above
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)
