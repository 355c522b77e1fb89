"""How likely a claim of a model is worth showing, by what became of earlier ones.

The share of accepted claims per rule and confidence, smoothed twice by a Beta prior (Gelman et al., Bayesian Data
Analysis, 3rd ed., section 2.4): a confidence begins at `PRIOR`, all rules together move it, and a rule moves its own.
Then a higher confidence of one rule is never worth less than a lower one: pooling adjacent violators (Ayer et al.,
1955), weighted by how much was seen.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from codetune_core.domain.finding import Confidence

PRIOR: Mapping[Confidence, float] = {Confidence.LOW: 0.25, Confidence.MEDIUM: 0.5, Confidence.HIGH: 0.75}
_STRENGTH = 8.0
"""What is believed before anything is seen weighs as much as so many outcomes."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Claims that were accepted (fixed, confirmed) and that were dismissed."""

    accepted: int = 0
    dismissed: int = 0

    def share(self, prior: float) -> float:
        """Mean of the Beta posterior."""
        return (self.accepted + _STRENGTH * prior) / self.weight

    @property
    def weight(self) -> float:
        """How much the share rests on, the prior included."""
        return self.accepted + self.dismissed + _STRENGTH


Outcomes = Mapping[tuple[str, Confidence], Tally]
"""What became of claims, by the id of their rule and the confidence that the model gave."""


class Calibration:
    """Probabilities by rule and confidence."""

    def __init__(self, outcomes: Outcomes | None = None) -> None:
        self._outcomes = outcomes or {}
        self._general = {level: self._over_all_rules(level) for level in Confidence}

    def probability(self, rule: str, confidence: Confidence) -> float:
        """Return how likely a claim of this rule and confidence is accepted, from 0 to 1.

        It grows with the claims that were accepted and with the confidence, and shrinks with those dismissed.
        """
        tallies = [self._outcomes.get((rule, level), Tally()) for level in Confidence]
        shares = [tally.share(self._general[level]) for tally, level in zip(tallies, Confidence, strict=True)]
        return monotone(shares, [tally.weight for tally in tallies])[confidence.rank]

    def _over_all_rules(self, level: Confidence) -> float:
        seen = [tally for (_, confidence), tally in self._outcomes.items() if confidence is level]
        every = Tally(sum(tally.accepted for tally in seen), sum(tally.dismissed for tally in seen))
        return every.share(PRIOR[level])


def monotone(values: Iterable[float], weights: Iterable[float]) -> list[float]:
    """Return the nearest values, by weighted squares, that nowhere fall."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        pools.append((value, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (low, light, few), (high, heavy, many) = pools.pop(), pools.pop()
            pools.append(((low * light + high * heavy) / (light + heavy), light + heavy, few + many))
    return [value for value, _, count in pools for _ in range(count)]
