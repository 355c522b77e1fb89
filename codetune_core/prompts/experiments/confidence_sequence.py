"""A confidence sequence for the difference of two rates: an interval that may be looked at as often as one likes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

STAKES = tuple(2.0**-power for power in range(10))
"""How much of the capital a bet puts on a unit of each arm: the best one grows with the difference there is to see."""
CENTRES = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)
"""Guesses of the control's rate: a bet loses least to chance where its guess is right."""
_LONGEST_BLOCK = 20
_HALVINGS = 18


@dataclass(frozen=True, slots=True)
class Counts:
    """Units of one arm, such as sessions, and how many of them had the outcome in question."""

    units: int
    hits: int

    @property
    def rate(self) -> float | None:
        """Share of the units that had it; None where there are none."""
        return self.hits / self.units if self.units else None


NONE = Counts(0, 0)


@dataclass(frozen=True, slots=True)
class Interval:
    """Bounds of a difference, -1 to 1."""

    low: float
    high: float


def block_sizes(weights: Sequence[float]) -> tuple[int, ...]:
    """Return whole numbers, at most 20 or nearly, in about the proportion of the weights."""
    largest = max(weights)
    parts = [max(Fraction(weight / largest).limit_denominator(_LONGEST_BLOCK), Fraction(1, 20)) for weight in weights]
    common = math.lcm(*(part.denominator for part in parts))
    if common > _LONGEST_BLOCK:
        return tuple(max(1, round(weight / largest * _LONGEST_BLOCK)) for weight in weights)
    return tuple(int(part * common) for part in parts)


def confidence_interval(control: Counts, treatment: Counts, sizes: tuple[int, int], alpha: float) -> Interval:
    """Return bounds of the treatment's rate minus the control's that hold at all times together.

    The counts are those of the first units of each arm, as many whole blocks as both arms fill, where a block is
    ``sizes[0]`` units of the control and ``sizes[1]`` of the treatment; units are independent within and between the
    arms, and each is judged once. Whatever rule ends the looking, the chance that the true difference was ever
    outside is at most ``alpha``. It costs some milliseconds whatever the counts are.

    The method is that of betting (Waudby-Smith and Ramdas, "Estimating means of bounded random variables by
    betting", JRSS B 86(1), 2024) on blocks (Turner, Ly and Grünwald, "Generic E-variables for exact sequential
    k-sample tests that allow for optional stopping", JSPI 230, 2024). Against "the difference is at most d", on a
    block of a control units x and b treatment units y, a bet with centre r and t = 2ab / (a + b) times its stake
    multiplies its capital by prod(1 - t/a * (x - r)) * prod(1 + t/b * (y - r - d)). As 1 + z <= exp(z), the
    expectation of this is at most exp(t * (difference - d)), which is at most 1 if the claim is true: capital, and
    the mean over several bets, is a non-negative supermartingale, which by Ville's inequality ever reaches 2 / alpha
    with a chance of at most alpha / 2. The lower bound is the largest d that the capital refutes; the upper one
    follows with the arms exchanged.
    """
    low = _lower_bound(control, treatment, sizes, alpha / 2)
    high = -_lower_bound(treatment, control, (sizes[1], sizes[0]), alpha / 2)
    return Interval(low, high)


def log_capital(lesser: Counts, greater: Counts, sizes: tuple[int, int], difference: float) -> float:
    """Return the logarithm of what betting against "greater exceeds lesser by at most ``difference``" has earned."""
    return _log_mean(_bets(lesser, sizes), greater, difference)


@dataclass(frozen=True, slots=True)
class _Bet:
    """A bet's capital after all units of the lesser arm, as a logarithm, and how it goes on with the greater arm."""

    earned: float
    stake: float
    centre: float


def _bets(lesser: Counts, sizes: tuple[int, int]) -> list[_Bet]:
    """Return the bets that cannot lose more than they have on the lesser arm; the others count as lost."""
    bets = []
    for stake, centre in product(STAKES, CENTRES):
        on_lesser, on_greater = (2 * stake * size / sum(sizes) for size in reversed(sizes))
        if on_lesser * (1 - centre) < 1:
            hit, miss = math.log1p(-on_lesser * (1 - centre)), math.log1p(on_lesser * centre)
            bets.append(_Bet(lesser.hits * hit + (lesser.units - lesser.hits) * miss, on_greater, centre))
    return bets


def _log_mean(bets: Sequence[_Bet], greater: Counts, difference: float) -> float:
    """Return the logarithm of the mean capital of all bets; one that could lose more than it has counts as lost."""
    hits, misses = greater.hits, greater.units - greater.hits
    earned = [
        bet.earned + hits * math.log1p(bet.stake - at_centre) + misses * math.log1p(-at_centre)
        for bet in bets
        if (at_centre := bet.stake * (bet.centre + difference)) < 1
    ]
    most = max(earned)
    return most + math.log(math.fsum(math.exp(each - most) for each in earned) / (len(STAKES) * len(CENTRES)))


def _lower_bound(lesser: Counts, greater: Counts, sizes: tuple[int, int], alpha: float) -> float:
    """Return the largest difference that is refuted, as capital falls with it; -1 where none is."""
    bets, needed = _bets(lesser, sizes), -math.log(alpha)
    low, high = -1.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _log_mean(bets, greater, middle) >= needed:
            low = middle
        else:
            high = middle
    return low
