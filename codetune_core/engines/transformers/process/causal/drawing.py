"""From the logits of a step to the tokens that each of its sequences goes on with."""

from collections.abc import Iterator
from collections.abc import Sequence as Ordered
from dataclasses import dataclass

import torch

from codetune_core.engines.transformers.process.causal.sampling import Row, choose, logprobs, penalizes
from codetune_core.engines.transformers.process.causal.scheduler import Turn
from codetune_core.engines.transformers.process.constrain import Constraint


@dataclass(frozen=True, slots=True)
class Drawn:
    """The next tokens of a sequence: the drafts that proved right and one more; none while its prompt is read."""

    tokens: list[int]
    logprobs: list[float] | None = None

    @property
    def accepted(self) -> int:
        """How many drafts proved right."""
        return max(len(self.tokens) - 1, 0)


def draw(turns: Ordered[Turn], logits: torch.Tensor) -> list[Drawn]:
    """Return what each turn's sequence goes on with, given the logits that the turns wanted, one after the other.

    A draft is right where it is what would have been drawn in its place: what is generated is the same with drafts
    and without, at temperature 0, and has the same distribution at others.
    """
    raw = logits.clone() if any(turn.sequence.request.logprobs for turn in turns) else logits
    places = list(_places(turns))
    for turn, (first, end) in zip(turns, places, strict=True):
        if turn.sequence.constraint is not None:
            _constrain(turn, turn.sequence.constraint, logits[first:end])
    rows = [row for turn in turns for row in _rows(turn)]
    tokens = choose(logits, rows) if rows else []
    return [_drawn(turn, tokens[first:end], raw[first:end]) for turn, (first, end) in zip(turns, places, strict=True)]


def _places(turns: Ordered[Turn]) -> Iterator[tuple[int, int]]:
    first = 0
    for turn in turns:
        yield first, first + turn.wanted
        first += turn.wanted


def _rows(turn: Turn) -> Iterator[Row]:
    sequence, request = turn.sequence, turn.sequence.request
    for number in range(turn.wanted):
        drafts = turn.ids[len(turn.ids) - turn.drafted :][:number]
        history = [*sequence.tokens, *drafts] if penalizes(request) else ()
        uniform = sequence.uniforms[sequence.generated + number] if request.temperature > 0 else 0
        yield Row(request, history, uniform)


def _constrain(turn: Turn, constraint: Constraint, logits: torch.Tensor) -> None:
    """Take the probability of what the schema does not allow, after each of the drafts."""
    drafts = turn.ids[len(turn.ids) - turn.drafted :]
    for number, row in enumerate(logits):
        row[torch.from_numpy(~constraint.mask()).to(row.device)] = -torch.inf
        if number < turn.drafted:
            constraint.take(drafts[number])
    if turn.drafted and len(logits):
        constraint.rollback(turn.drafted)


def _drawn(turn: Turn, tokens: list[int], logits: torch.Tensor) -> Drawn:
    if not tokens:
        return Drawn([])
    drafts = turn.ids[len(turn.ids) - turn.drafted :]
    wrong = (number for number, draft in enumerate(drafts) if draft != tokens[number])
    right = tokens[: next(wrong, turn.drafted) + 1]
    return Drawn(right, logprobs(logits[: len(right)], right) if turn.sequence.request.logprobs else None)
