"""The sample-ratio check."""

import numpy as np
import pytest
from scipy.special import gammaln

from codetune_core.prompts.experiments.sample_ratio import SUSPICIOUS, sample_ratio


@pytest.mark.parametrize(
    ("sessions", "weights"),
    [
        ((0, 0), (1, 1)), ((1, 0), (1, 1)), ((0, 9), (1, 1)), ((500, 500), (1, 1)), ((520, 480), (1, 1)),
        ((900, 100), (9, 1)), ((90_100, 9_900), (0.9, 0.1)), ((500_000, 501_000), (1, 1)), ((100, 210, 290), (1, 2, 3)),
    ],
)  # fmt: skip
def test_a_split_as_it_should_be_is_not_suspicious(sessions, weights):
    assert SUSPICIOUS < sample_ratio(sessions, weights) <= 1


@pytest.mark.parametrize(
    ("sessions", "weights"),
    [
        ((0, 20), (1, 1)), ((400, 600), (1, 1)), ((5_000, 5_500), (1, 1)), ((500_000, 505_000), (1, 1)),
        ((500, 500), (9, 1)), ((100, 300, 200), (1, 2, 3)), ((2_000_000, 1_000), (1, 1)),
        ((0, 1_000, 1_000), (1, 1, 1)),
    ],
)  # fmt: skip
def test_a_split_that_lost_sessions_is_suspicious(sessions, weights):
    assert sample_ratio(sessions, weights) <= SUSPICIOUS


def test_looking_after_every_session_gives_a_small_value_in_no_more_runs_than_it_says():
    random = np.random.default_rng(3)
    first = np.cumsum(random.random((1_000, 1_500)) < 0.3, axis=1)
    total = np.arange(1, 1_501)
    factor = np.mean([bayes_factor(first, total, 0.3, c) for c in (1, 10, 100, 1e3, 1e4, 1e5)], axis=0)
    one, look = 17, 1_234

    assert sample_ratio((first[one, look], total[look] - first[one, look]), (0.3, 0.7)) == pytest.approx(
        min(1, 1 / factor[one, look])
    )
    assert 0 < (factor >= 20).any(axis=1).mean() <= 0.05
    assert (factor >= 1 / SUSPICIOUS).any(axis=1).mean() <= 0.004


def bayes_factor(first, total, share, concentration):
    """Beta-binomial against binomial."""
    a, b = concentration * share, concentration * (1 - share)
    mixed = gammaln(a + first) - gammaln(a) + gammaln(b + total - first) - gammaln(b)
    fixed = first * np.log(share) + (total - first) * np.log(1 - share)
    return np.exp(mixed + gammaln(a + b) - gammaln(a + b + total) - fixed)


def test_a_broken_split_is_found_while_it_runs():
    random = np.random.default_rng(5)
    found = []
    for _ in range(50):
        first = np.cumsum(random.random(6_000) < 0.45)
        looks = range(100, 6_000, 100)
        found.append(next((n for n in looks if sample_ratio((first[n], n - first[n]), (1, 1)) <= SUSPICIOUS), 6_000))

    assert np.median(found) < 2_500


@pytest.mark.parametrize("factor", [1e-6, 0.5, 3, 1e9])
def test_only_the_proportion_of_the_weights_counts(factor):
    assert sample_ratio((40, 70), (1, 2)) == pytest.approx(sample_ratio((40, 70), (factor, 2 * factor)))
