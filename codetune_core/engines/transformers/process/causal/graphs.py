"""Steps of one token for each sequence as CUDA graphs: a thousand kernels are started at once, and not one by one."""

import logging
from bisect import bisect_left
from collections.abc import Callable
from collections.abc import Sequence as Ordered

import torch

from codetune_core.engines.transformers.process.causal.cache import BLOCK, SCRATCH, PagedCache
from codetune_core.engines.transformers.process.causal.step import FAR, Singles, Span, Step, ownership

_ROWS = (1, 2, 4, 8, 16, 32)
_BLOCKS = tuple(size for power in range(5, 17) for size in (1 << power, 3 << (power - 1)))
"""32, 48, 64, 96, ...: at most a half of what is read is for nobody."""
_WARM_UPS = 2

_log = logging.getLogger(__name__)


class Frame:
    """A step of fixed shape: ``rows`` sequences of one token over the first ``blocks`` blocks of the cache.

    Its tensors stay where they are and are filled anew. Rows beyond those that are filled compute nonsense, which
    they write to the scratch block.
    """

    def __init__(self, cache: PagedCache, rows: int, blocks: int, device: str) -> None:
        self._ids, self._positions, self._block, self._offset = torch.zeros((4, rows), dtype=torch.long, device=device)
        self._ownership = torch.zeros((2, blocks), dtype=torch.long, device=device)
        self._keep = torch.arange(rows, device=device)
        self._cache = cache

    def step(self) -> Step:
        """Return a step of the frame's tensors, for which nothing was derived from them yet."""
        at = (self._block, self._offset)
        singles = Singles(self._positions, *self._ownership)
        return Step(self._cache, self._ids[None], self._positions[None], at, self._keep, singles, (), bool)

    def fill(self, spans: Ordered[Span]) -> None:
        """Set what the next replay computes."""
        pad = [0] * (len(self._ids) - len(spans))
        owner, first = ownership(spans)
        rest = self._ownership.shape[1] - len(owner)
        _set(self._ids, [span.ids[0] for span in spans] + pad)
        _set(self._positions, [span.start for span in spans] + pad)
        _set(self._block, [span.blocks[span.start // BLOCK] for span in spans] + [SCRATCH] * len(pad))
        _set(self._offset, [span.start % BLOCK for span in spans] + pad)
        _set(self._ownership, [owner + [0] * rest, first + [FAR] * rest])


class Graphs:
    """Graphs by numbers of rows and blocks and by adapter, captured when they are first needed.

    Where a model cannot be captured (it asks the GPU for a number in between), that is logged once, and steps are
    computed as without graphs.
    """

    def __init__(self, run: Callable[[Step], torch.Tensor], cache: PagedCache, device: str) -> None:
        """``run`` computes the logits of a step, ``[rows, vocabulary]``."""
        self._run, self._cache, self._device = run, cache, device
        self._graphs: dict[tuple[int, int, str], tuple[torch.cuda.CUDAGraph, Frame, torch.Tensor]] = {}
        self._pool = torch.cuda.graph_pool_handle()
        self._able = True

    def logits(self, spans: Ordered[Span], adapter: str) -> torch.Tensor | None:
        """Return logits of spans of one token each, valid until the next call; None where no graph can be had."""
        if not self._able or len(spans) > _ROWS[-1]:
            return None
        size = 1 + max(max(span.blocks) for span in spans)
        rows, blocks = bucket(_ROWS, len(spans)), min(bucket(_BLOCKS, size), self._cache.capacity)
        key = (rows, blocks, adapter)
        if key not in self._graphs and not self._capture(key, spans):
            return None
        graph, frame, found = self._graphs[key]
        frame.fill(spans)
        graph.replay()
        return found[: len(spans)]

    def _capture(self, key: tuple[int, int, str], spans: Ordered[Span]) -> bool:
        rows, blocks, _ = key
        frame = Frame(self._cache, rows, blocks, self._device)
        frame.fill(spans)
        graph = torch.cuda.CUDAGraph()
        try:
            for _ in range(_WARM_UPS):
                self._run(frame.step())
            torch.cuda.synchronize()
            with torch.cuda.graph(graph, pool=self._pool):
                found = self._run(frame.step())
        except RuntimeError as error:
            _log.warning("no CUDA graphs for this model: %s", error)
            self._able = False
            return False
        self._graphs[key] = graph, frame, found
        return True


def bucket(sizes: tuple[int, ...], size: int) -> int:
    """Return the first of the sizes, in their order, that is not less."""
    return sizes[min(bisect_left(sizes, size), len(sizes) - 1)]


def _set(tensor: torch.Tensor, values: list[int] | list[list[int]]) -> None:
    tensor.copy_(torch.tensor(values), non_blocking=True)
