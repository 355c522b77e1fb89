"""Who runs: admission by memory, priorities, preemption, and the tokens of the next step."""

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass

from codetune_core.engines.transformers.process.causal.blocks import Blocks
from codetune_core.engines.transformers.process.causal.pace import Pace
from codetune_core.engines.transformers.process.causal.sequence import Sequence

_DECODED = 32
"""Most tokens of sequences that decode, drafts included: with more, drafts cost more than they give."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one sequence computes in a step: ``ids`` from its first token without keys and values on.

    The last ``drafted`` of them are drafts.
    """

    sequence: Sequence
    ids: list[int]
    drafted: int = 0

    @property
    def wanted(self) -> int:
        """How many tokens at the end need logits: none while the prompt is not read to its end."""
        pending = self.sequence.pending
        return 0 if len(self.ids) < pending else 1 + self.drafted


class Scheduler:
    """Sequences that wait and those that run, each sorted by rank.

    Whoever is first in rank is admitted first, as soon as there are a slot and room for all the tokens that it may
    come to have, so that nobody who runs can be short of room; later ones wait behind it. For it those of lower
    priority are put aside, the last in rank first, and go on later where they were.
    """

    def __init__(self, blocks: Blocks, slots: int) -> None:
        self.waiting: list[Sequence] = []
        self.running: list[Sequence] = []
        self._blocks = blocks
        self._slots = slots
        self.pace = Pace()
        self.decoded = _DECODED

    def add(self, sequence: Sequence) -> None:
        """Let a sequence wait for its turn."""
        insort(self.waiting, sequence, key=_rank)

    def remove(self, sequence: Sequence) -> None:
        """Forget a sequence that ended; what it computed is kept for others."""
        if sequence in self.running:
            self.running.remove(sequence)
        else:
            self.waiting.remove(sequence)
        self._put_aside(sequence)

    def cancelled(self) -> list[Sequence]:
        """Return those whose answers nobody wants any more."""
        return [sequence for sequence in (*self.running, *self.waiting) if sequence.cancelled]

    def turns(self) -> list[Turn]:
        """Admit whom there is room for, and return what the next step computes; those of one token first."""
        self._admit()
        self._blocks.compact([sequence.blocks for sequence in self.running])
        turns = [*self._decode(), *self._read()]
        return sorted(turns, key=lambda turn: len(turn.ids) > 1)

    def _admit(self) -> None:
        while self.waiting:
            first = self.waiting[0]
            lower = [each for each in self.running if each.request.priority > first.request.priority]
            if not self._fits(first, besides=lower):
                return
            while not self._fits(first):
                self._preempt(lower.pop())
            insort(self.running, self.waiting.pop(0), key=_rank)

    def _fits(self, sequence: Sequence, besides: list[Sequence] | None = None) -> bool:
        others = [each for each in self.running if each not in (besides or ())]
        reserved = sum(each.reserved for each in others)
        return len(others) < self._slots and reserved + sequence.reserved <= self._blocks.total

    def _preempt(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        self._put_aside(sequence)
        self.add(sequence)

    def _put_aside(self, sequence: Sequence) -> None:
        self._blocks.keep(sequence.request.adapter, sequence.tokens[: sequence.computed], sequence.blocks)
        sequence.computed = 0

    def _decode(self) -> Iterator[Turn]:
        decoding = [sequence for sequence in self.running if sequence.pending == 1]
        spare = self.decoded - len(decoding)
        for sequence in decoding:
            drafts = self._drafts(sequence, spare)
            spare -= len(drafts)
            yield Turn(sequence, [sequence.tokens[-1], *drafts], len(drafts))

    def _drafts(self, sequence: Sequence, most: int) -> list[int]:
        left = sequence.limit - sequence.generated - 1
        drafts = sequence.drafter.propose(sequence.tokens, min(most, left))
        if drafts and sequence.constraint is not None:
            drafts = drafts[: sequence.constraint.fitting(drafts)]
        return drafts

    def _read(self) -> Iterator[Turn]:
        """Parts of prompts, in order of rank, as many as the pace allows."""
        spare = self.pace.tokens(alone=all(sequence.pending > 1 for sequence in self.running))
        for sequence in self.running:
            if sequence.pending == 1 or spare <= 0:
                continue
            if not sequence.computed:
                self._reuse(sequence)
            ids = sequence.tokens[sequence.computed :][:spare]
            spare -= len(ids)
            yield Turn(sequence, ids)

    def _reuse(self, sequence: Sequence) -> None:
        # The last token is computed in any case, for its logits.
        sequence.computed = self._blocks.adopt(sequence.request.adapter, sequence.tokens[:-1], sequence.blocks)
        if sequence.cached is None:
            sequence.cached = sequence.computed


def _rank(sequence: Sequence) -> tuple[int, int]:
    return sequence.rank
