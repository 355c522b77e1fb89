"""Which block of the cache belongs to whom; what finished sequences leave is kept until the room is needed."""

from bisect import insort
from collections.abc import Sequence as Ordered
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from codetune_core.engines.transformers.process.causal.cache import BLOCK, PagedCache


def blocks_for(tokens: int) -> int:
    """How many blocks hold so many tokens."""
    return -(-tokens // BLOCK)


@dataclass(eq=False, slots=True)
class Kept:
    """Keys and values of a sequence that ended or was put aside: of ``tokens``, under one adapter."""

    adapter: str
    tokens: NDArray[np.int64]
    blocks: list[int]


class Blocks:
    """Owners of the cache's blocks.

    Running sequences get the lowest free blocks, since a forward pass reads the cache from its beginning up to the
    last block that it needs; `compact` moves blocks down where too many others lie between.

    Attributes:
        total: how many there are.
        keeps: whether what finished sequences leave is of use.
    """

    def __init__(self, cache: PagedCache, total: int) -> None:
        self.total = total
        self.keeps = True
        self._cache = cache
        self._free = list(range(1, total + 1))
        self._kept: list[Kept] = []

    @property
    def used(self) -> int:
        """Blocks that hold anything."""
        return self.total - len(self._free)

    def extend(self, blocks: list[int], tokens: int) -> None:
        """Let a sequence's blocks suffice for so many tokens; drop what was kept, the longest unused first.

        Raises:
            RuntimeError: there is no memory to let the cache grow.
        """
        missing = blocks_for(tokens) - len(blocks)
        if missing <= 0:
            return
        while len(self._free) < missing and self._kept:
            self.release(self._kept.pop(0).blocks)
        taken = self._free[:missing]
        self._cache.reserve(taken[-1] + 1)
        del self._free[:missing]
        blocks += taken

    def release(self, blocks: list[int]) -> None:
        """Take blocks back."""
        for block in blocks:
            insort(self._free, block)
        blocks.clear()

    def keep(self, adapter: str, tokens: Ordered[int], blocks: list[int]) -> None:
        """Keep what a sequence computed, of ``tokens``, for prompts that begin so; takes its blocks over."""
        held = np.asarray(tokens, dtype=np.int64)
        if not (self.keeps and len(held)):
            self.release(blocks)
            return
        for kept in [kept for kept in self._kept if kept.adapter == adapter and _begins(held, kept.tokens)]:
            self._kept.remove(kept)
            self.release(kept.blocks)
        needed = blocks_for(len(held))
        self._kept.append(Kept(adapter, held, blocks[:needed]))
        del blocks[:needed]
        self.release(blocks)

    def adopt(self, adapter: str, tokens: Ordered[int], blocks: list[int]) -> int:
        """Give a sequence without blocks what is kept of its first tokens; return of how many.

        What was kept stays for others while there is room to copy it.
        """
        wanted = np.asarray(tokens, dtype=np.int64)
        found = max(
            ((_common(kept.tokens, wanted), place) for place, kept in enumerate(self._kept) if kept.adapter == adapter),
            default=(0, 0),
        )
        common, place = found
        if common < BLOCK // 4:
            return 0
        kept = self._kept.pop(place)
        if common < len(kept.tokens) and self._spare(blocks, common):
            self._cache.copy(kept.blocks[: len(blocks)], blocks)
            self._kept.append(kept)
        else:
            blocks += kept.blocks[: blocks_for(common)]
            self.release(kept.blocks[blocks_for(common) :])
        return common

    def forget(self) -> None:
        """Drop all that is kept."""
        while self._kept:
            self.release(self._kept.pop().blocks)

    def compact(self, running: Ordered[list[int]]) -> None:
        """Move the blocks of running sequences to the beginning of the cache, where they are too far scattered."""
        mine = sorted(block for blocks in running for block in blocks)
        if not mine or mine[-1] <= 1.5 * len(mine) + 4:
            return
        moves = _swaps(mine)
        both = moves | {target: source for source, target in moves.items()}
        self._cache.copy(list(both), list(both.values()))
        for blocks in (*running, *(kept.blocks for kept in self._kept)):
            blocks[:] = [both.get(block, block) for block in blocks]
        self._free = sorted(both.get(block, block) for block in self._free)

    def _spare(self, blocks: list[int], tokens: int) -> bool:
        """Extend a sequence that can do without; return whether there was room."""
        if len(self._free) + sum(len(kept.blocks) for kept in self._kept) < blocks_for(tokens):
            return False
        try:
            self.extend(blocks, tokens)
        except (RuntimeError, MemoryError):
            return False
        return True


def _swaps(mine: list[int]) -> dict[int, int]:
    """Blocks beyond the first ``len(mine)``, each with one of those that is not among ``mine``."""
    holes = sorted(set(range(1, len(mine) + 1)) - set(mine))
    outside = [block for block in mine if block > len(mine)]
    return dict(zip(outside, holes, strict=True))


def _begins(tokens: NDArray[np.int64], first: NDArray[np.int64]) -> bool:
    return _common(tokens, first) == len(first)


def _common(one: NDArray[np.int64], other: NDArray[np.int64]) -> int:
    length = min(len(one), len(other))
    differ = np.flatnonzero(one[:length] != other[:length])
    return int(differ[0]) if len(differ) else length
