"""Tests of pairs: two versions on the same inputs, by McNemar's test and by the bootstrap."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

RESAMPLES = 2_000
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean difference, B minus A, with its confidence interval."""

    mean: float
    low: float
    high: float


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the two-sided p-value of McNemar's exact test.

    ``only_a`` and ``only_b`` count the inputs on which just one of the two succeeded. Under no difference either is
    as likely: twice the lesser tail of the binomial distribution, at most 1 (McNemar, "Note on the sampling error of
    the difference between correlated proportions or percentages", Psychometrika 12, 1947).
    """
    total, fewer = only_a + only_b, min(only_a, only_b)
    return min(1.0, 2 * math.fsum(_binomial(total, hits) for hits in range(fewer + 1)))


def _binomial(total: int, hits: int) -> float:
    """Chance of this many heads of a fair coin, by logarithms so that no number is too large."""
    ways = math.lgamma(total + 1) - math.lgamma(hits + 1) - math.lgamma(total - hits + 1)
    return math.exp(ways - total * math.log(2))


def bootstrap(differences: Sequence[float], confidence: float = 0.95, seed: int = 0) -> Estimate:
    """Return the mean of differences by pair and its interval, the same one for the same seed.

    The interval is bias-corrected and accelerated, with the jackknife's acceleration (Efron, "Better bootstrap
    confidence intervals", JASA 82(397), 1987). Raises ValueError for no differences.
    """
    if not differences:
        raise ValueError("a mean needs at least one difference")
    mean = fmean(differences)
    if len(set(differences)) == 1:
        return Estimate(mean, mean, mean)
    means = _resampled_means(differences, seed)
    tails = ((1 - confidence) / 2, (1 + confidence) / 2)
    low, high = (_quantile(means, _corrected(tail, means, mean, differences)) for tail in tails)
    return Estimate(mean, low, high)


def _resampled_means(values: Sequence[float], seed: int) -> list[float]:
    chance = random.Random(seed)  # noqa: S311 - statistics, not secrets
    return sorted(fmean(chance.choices(values, k=len(values))) for _ in range(RESAMPLES))


def _corrected(tail: float, means: Sequence[float], mean: float, values: Sequence[float]) -> float:
    """Efron's alpha: which quantile of the resampled means is the bound."""
    below = sum(1 for value in means if value < mean) + sum(1 for value in means if value == mean) / 2
    bias = _NORMAL.inv_cdf(min(max(below / len(means), 1 / len(means)), 1 - 1 / len(means)))
    shifted = bias + _NORMAL.inv_cdf(tail)
    return _NORMAL.cdf(bias + shifted / (1 - _acceleration(values, mean) * shifted))


def _acceleration(values: Sequence[float], mean: float) -> float:
    """Of the mean, the jackknife's acceleration is a sixth of the skewness over the root of the number."""
    deviations = [value - mean for value in values]
    squares = math.fsum(deviation**2 for deviation in deviations)
    return math.fsum(deviation**3 for deviation in deviations) / (6 * squares * math.sqrt(squares))


def _quantile(ordered: Sequence[float], level: float) -> float:
    """Linear between the two nearest."""
    place = min(max(level, 0.0), 1.0) * (len(ordered) - 1)
    lower = math.floor(place)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] + (place - lower) * (ordered[upper] - ordered[lower])
