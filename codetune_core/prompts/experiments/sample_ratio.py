"""The sample-ratio check: whether as many sessions came to each arm as its weight says."""

import math
from collections.abc import Sequence

SUSPICIOUS = 0.001
"""A p-value at or below this means that the split is broken: such a chance is not worth believing in."""
_CONCENTRATIONS = (1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0)


def sample_ratio(sessions: Sequence[int], weights: Sequence[float]) -> float:
    """Return a p-value that may be looked at as often as one likes: the chance of ever seeing one below x is below x.

    It is 1 / K for the Bayes factor K of the sequential multinomial test (Lindon and Malek, "Anytime-valid inference
    for multinomial count data", NeurIPS 2022), averaged over Dirichlet distributions around the weights from wide to
    narrow, so that large deviations are seen early and small ones late. Arms are in one order in both arguments.
    """
    shares = [weight / math.fsum(weights) for weight in weights]
    factors = [_log_bayes_factor(sessions, shares, concentration) for concentration in _CONCENTRATIONS]
    most = max(factors)
    mean = math.log(math.fsum(math.exp(factor - most) for factor in factors) / len(factors))
    return math.exp(min(0.0, -most - mean))


def _log_bayes_factor(counts: Sequence[int], shares: Sequence[float], concentration: float) -> float:
    """Dirichlet-multinomial against multinomial, of the same counts in the same order of arrival."""
    total = math.lgamma(concentration) - math.lgamma(concentration + sum(counts))
    return total + math.fsum(
        math.lgamma(concentration * share + count) - math.lgamma(concentration * share) - count * math.log(share)
        for count, share in zip(counts, shares, strict=True)
    )
