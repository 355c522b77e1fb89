"""One forward pass of a model over the paged cache."""

from collections.abc import Callable
from typing import Any

import torch

from codetune_core.engines.transformers.process.causal.attention import NAME
from codetune_core.engines.transformers.process.causal.cache import PagedCache
from codetune_core.engines.transformers.process.causal.scheduler import Turn
from codetune_core.engines.transformers.process.causal.step import Span, layout


class Forward:
    """Computes logits of turns with a model of transformers whose attention is switched to ours."""

    def __init__(self, model: Any, cache: PagedCache, device: str) -> None:
        self._model, self._cache, self._device = model, cache, device
        model.set_attn_implementation(NAME)

    def __call__(self, turns: list[Turn], interrupted: Callable[[], bool]) -> torch.Tensor:
        """Return the logits that the turns want, one after the other: ``[rows, vocabulary]``, float32.

        Turns of one token come first. Raises Interrupted within one layer after ``interrupted`` says so, and
        RuntimeError where memory runs out (torch.OutOfMemoryError on a GPU).
        """
        spans = [Span(turn.sequence.computed, turn.ids, turn.sequence.blocks) for turn in turns]
        step = layout(self._cache, spans, [turn.wanted for turn in turns], self._device, interrupted)
        found = self._model(
            input_ids=step.ids, position_ids=step.positions, use_cache=False, logits_to_keep=step.keep, step=step
        )
        logits: torch.Tensor = found.logits[0].float()
        return logits
