"""A Step: the tokens of one forward pass, flattened, and where each stands in its sequence and in the cache."""

from collections.abc import Callable
from collections.abc import Sequence as Ordered
from dataclasses import dataclass, field

import torch

from codetune_core.engines.transformers.process.causal.cache import BLOCK, PagedCache

FAR = 1 << 30
"""The position of keys that nobody may see."""
_NEVER = torch.finfo(torch.float32).min / 2


class Interrupted(Exception):  # noqa: N818 - what happened
    """Nobody waits for this step any more."""


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens of one sequence, from position ``start`` on; ``blocks`` are those of the whole sequence, in order."""

    start: int
    ids: Ordered[int]
    blocks: Ordered[int]

    @property
    def end(self) -> int:
        """The position after the last token."""
        return self.start + len(self.ids)


@dataclass(slots=True)
class Singles:
    """Rows of one token each, which attend to blocks where these lie in the cache.

    Attributes:
        positions: of the rows' tokens, ``[rows]``.
        owner: the row to which each of the first blocks of the cache belongs, ``[blocks]``; 0 where to none.
        first: the position of each block's first token, ``[blocks]``; far behind every row where it belongs to none.
    """

    positions: torch.Tensor
    owner: torch.Tensor
    first: torch.Tensor
    _bias: dict[int | None, torch.Tensor] = field(default_factory=dict)
    _membership: torch.Tensor | None = None

    def bias(self, window: int | None) -> torch.Tensor:
        """What is added to scores of shape ``[blocks, heads, groups, BLOCK]``: nothing, or so much that they vanish."""
        if window not in self._bias:
            keys = self.first[:, None] + torch.arange(BLOCK, device=self.first.device)
            distance = self.positions[self.owner][:, None] - keys
            hidden = distance < 0 if window is None else (distance < 0) | (distance >= window)
            zeros = torch.zeros_like(distance, dtype=torch.float32)
            self._bias[window] = zeros.masked_fill_(hidden, _NEVER)[:, None, None]
        return self._bias[window]

    def membership(self) -> torch.Tensor:
        """1 where a block is a row's, else 0: ``[rows, blocks]``, float32."""
        if self._membership is None:
            rows = torch.arange(len(self.positions), device=self.owner.device)
            own = (self.owner[None] == rows[:, None]) & (self.first < FAR)
            self._membership = own.to(torch.float32)
        return self._membership


@dataclass(slots=True)
class Segment:
    """Several tokens of one sequence; ``first`` is the place of the first among the flattened tokens of the step."""

    first: int
    start: int
    count: int
    blocks: torch.Tensor
    _masks: dict[tuple[int, int | None], torch.Tensor] = field(default_factory=dict)

    def mask(self, groups: int, window: int | None) -> torch.Tensor:
        """True where a query may see a key: ``[groups * count, start + count]``."""
        if (groups, window) not in self._masks:
            device = self.blocks.device
            queries = torch.arange(self.start, self.start + self.count, device=device)[:, None]
            keys = torch.arange(self.start + self.count, device=device)
            seen = keys <= queries if window is None else (keys <= queries) & (queries - keys < window)
            self._masks[groups, window] = seen.repeat(groups, 1)
        return self._masks[groups, window]


@dataclass(slots=True)
class Step:
    """Inputs of one forward pass; ``ids`` and ``positions`` are ``[1, tokens]``, rows of one token first.

    ``at`` says for each token its block and its place there; ``keep`` are the places whose logits are wanted, in the
    order of the spans. ``interrupted`` is asked in every layer.
    """

    cache: PagedCache
    ids: torch.Tensor
    positions: torch.Tensor
    at: tuple[torch.Tensor, torch.Tensor]
    keep: torch.Tensor
    singles: Singles | None
    segments: tuple[Segment, ...]
    interrupted: Callable[[], bool]


def layout(
    cache: PagedCache,
    spans: Ordered[Span],
    wanted: Ordered[int],
    device: str,
    interrupted: Callable[[], bool] = bool,
) -> Step:
    """Lay spans out for a forward pass.

    Args:
        cache: where their keys and values are.
        spans: what is computed; those of one token come first.
        wanted: how many tokens at the end of each span need logits.
        device: of the model.
        interrupted: whether nobody waits for this step any more.
    """
    ids = [token for span in spans for token in span.ids]
    positions = [position for span in spans for position in range(span.start, span.end)]
    blocks = [span.blocks[position // BLOCK] for span in spans for position in range(span.start, span.end)]
    singles = [span for span in spans if len(span.ids) == 1]
    segments: list[Segment] = []
    keep: list[int] = []
    place = 0
    for span, count in zip(spans, wanted, strict=True):
        if len(span.ids) > 1:
            held = torch.tensor(span.blocks[: -(-span.end // BLOCK)], device=device)
            segments.append(Segment(place, span.start, len(span.ids), held))
        place += len(span.ids)
        keep += range(place - count, place)
    return Step(
        cache,
        torch.tensor([ids], device=device),
        torch.tensor([positions], device=device),
        (torch.tensor(blocks, device=device), torch.tensor([p % BLOCK for p in positions], device=device)),
        torch.tensor(keep, dtype=torch.long, device=device),
        _singles(singles, device) if singles else None,
        tuple(segments),
        interrupted,
    )


def _singles(spans: Ordered[Span], device: str) -> Singles:
    owner, first = ownership(spans)
    positions = torch.tensor([span.start for span in spans], device=device)
    return Singles(positions, torch.tensor(owner, device=device), torch.tensor(first, device=device))


def ownership(spans: Ordered[Span]) -> tuple[list[int], list[int]]:
    """Return row and first position of each block of the cache, up to the last that one of the spans owns."""
    used = [span.blocks[: -(-span.end // BLOCK)] for span in spans]
    size = 1 + max(max(blocks) for blocks in used)
    owner, first = [0] * size, [FAR] * size
    for row, blocks in enumerate(used):
        for number, block in enumerate(blocks):
            owner[block], first[block] = row, number * BLOCK
    return owner, first
