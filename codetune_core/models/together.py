"""Plans several models loaded at once on one device: which quantizations of each fit beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from codetune_core.models.memory import GB, LEAST_CONTEXT, Need, need, overhead_bytes
from codetune_core.models.spec import ModelSpec

_FURTHER_PROCESS = GB // 2
"""Context of a further process on the device; they do not all read a long prompt in the same moment."""


@dataclass(frozen=True, slots=True)
class Together:
    """One quantization of each model, side by side.

    Attributes:
        needs: of each model, in order.
        contexts: tokens of context of each; 0 where they do not fit.
        at_once: how many full contexts of every model there is room for; 0 where the contexts had to be shortened.
        total: bytes that all take, with one such context each; with the shortest where they do not fit.
    """

    needs: tuple[Need, ...]
    contexts: tuple[int, ...]
    at_once: int
    total: int

    @property
    def fits(self) -> bool:
        """Whether all can be loaded at once."""
        return all(self.contexts)


def together(specs: Sequence[ModelSpec], device: str, memory: int) -> list[Together]:
    """Return every combination of the models' quantizations in ``memory`` bytes, the most exact first.

    Models whose sizes are not known must have been left out.
    """
    needs = [
        [need(spec.architecture, each, device) for each in spec.quantizations] for spec in specs if spec.architecture
    ]
    return [_beside(specs, combination, device, memory) for combination in product(*needs)]


def _beside(specs: Sequence[ModelSpec], needs: tuple[Need, ...], device: str, memory: int) -> Together:
    fixed = sum(each.weights for each in needs) + overhead_bytes(device) + (len(needs) - 1) * _FURTHER_PROCESS
    full = [spec.context_tokens for spec in specs]
    least = [min(LEAST_CONTEXT, context) for context in full]
    shortest, longest = _tokens_cost(needs, least), _tokens_cost(needs, full)
    room = memory - fixed
    if room < shortest:
        return Together(needs, (0,) * len(needs), 0, fixed + shortest)
    share = min(1.0, (room - shortest) / (longest - shortest)) if longest > shortest else 1.0
    contexts = tuple(low + int((high - low) * share) for low, high in zip(least, full, strict=True))
    at_once = room // longest if longest and share == 1 else int(share == 1)
    return Together(needs, contexts, at_once, fixed + _tokens_cost(needs, contexts))


def _tokens_cost(needs: Sequence[Need], tokens: Sequence[int]) -> int:
    return sum(each.token * count for each, count in zip(needs, tokens, strict=True))
