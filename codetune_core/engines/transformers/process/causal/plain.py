"""Forward passes for models that the paged cache cannot serve: one sequence after the other, each with a cache."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from transformers import DynamicCache

from codetune_core.engines.transformers.process.causal.scheduler import Turn
from codetune_core.engines.transformers.process.causal.step import Interrupted


class PlainForward:
    """Turns one by one; what recurrent layers hold cannot be cut or copied, so there are neither drafts nor reuse."""

    def __init__(self, model: Any, device: str) -> None:
        self._model, self._device = model, device
        self._layers = _layers(model)
        self._held: WeakKeyDictionary[Any, tuple[int, DynamicCache]] = WeakKeyDictionary()

    def __call__(self, turns: list[Turn], interrupted: Callable[[], bool]) -> torch.Tensor:
        """Compute the turns one after the other; what was interrupted or failed is computed anew from its start."""
        with self._asking(interrupted):
            found = [self._turn(turn) for turn in turns if turn.wanted]
        return torch.cat(found) if found else torch.empty((0, 0))

    def _turn(self, turn: Turn) -> torch.Tensor:
        """Read a prompt in one piece, when its last tokens come, for not all recurrent layers go on from a state."""
        sequence = turn.sequence
        length, cache = self._held.pop(sequence, (0, None))
        ids = turn.ids
        if cache is None or length != sequence.computed or len(ids) > 1:
            cache = DynamicCache(config=self._model.config)
            ids = [*sequence.tokens[: sequence.computed], *ids]
        inputs = torch.tensor([ids], device=self._device)
        found = self._model(input_ids=inputs, past_key_values=cache, use_cache=True, logits_to_keep=1)
        self._held[sequence] = sequence.computed + len(turn.ids), cache
        logits: torch.Tensor = found.logits[0].float()
        return logits

    @contextmanager
    def _asking(self, interrupted: Callable[[], bool]) -> Iterator[None]:
        def ask(*_: Any) -> None:
            if interrupted():
                raise Interrupted

        hooks = [layer.register_forward_pre_hook(ask) for layer in self._layers]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _layers(model: Any) -> list[torch.nn.Module]:
    """Return the decoder's layers."""
    count = model.config.get_text_config(decoder=True).num_hidden_layers
    lists = (module for module in model.modules() if isinstance(module, torch.nn.ModuleList) and len(module) == count)
    return list(next(lists, ()))
