"""McNemar's test and the bootstrap, against SciPy."""

import numpy as np
import pytest
from scipy import stats

from codetune_core.prompts.experiments.paired import bootstrap, mcnemar


@pytest.mark.parametrize("only_a", [0, 1, 2, 5, 17, 60, 400])
@pytest.mark.parametrize("only_b", [0, 1, 3, 8, 25, 61, 450])
def test_mcnemars_test_is_the_exact_binomial_test(only_a, only_b):
    expected = stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1

    assert mcnemar(only_a, only_b) == pytest.approx(expected, rel=1e-9)


def test_mcnemars_test_stands_large_numbers():
    assert mcnemar(50_000, 51_000) == pytest.approx(stats.binomtest(50_000, 101_000).pvalue, rel=1e-6)


def test_mcnemars_test_keeps_its_level():
    assert sum(stats.binom.pmf(hits, 40, 0.5) for hits in range(41) if mcnemar(hits, 40 - hits) <= 0.05) <= 0.05


SAMPLES = {
    "successes": lambda random: random.choice([-1.0, 0.0, 1.0], 150, p=[0.1, 0.6, 0.3]),
    "times": lambda random: random.lognormal(4, 1, 120) - random.lognormal(4, 1, 120),
    "skewed": lambda random: random.exponential(2, 80),
    "costs": lambda random: random.normal(1e-5, 1e-5, 200),
    "few": lambda random: random.normal(3, 1, 8),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_the_bootstrap_agrees_with_scipys(name):
    values = SAMPLES[name](np.random.default_rng(11))
    reference = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(12))
    low, high = reference.confidence_interval

    found = bootstrap(list(values))

    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(low, abs=0.12 * (high - low))
    assert found.high == pytest.approx(high, abs=0.12 * (high - low))


def test_the_same_differences_and_seed_give_the_same_interval_and_another_seed_about_it():
    values = [float(number % 7) for number in range(100)]

    assert bootstrap(values) == bootstrap(values)
    assert bootstrap(values, seed=1) != bootstrap(values)
    assert bootstrap(values, seed=1).low == pytest.approx(bootstrap(values).low, abs=0.15)


def test_a_greater_confidence_widens_the_interval():
    values = [float(number % 7) for number in range(100)]
    narrow, wide = bootstrap(values, 0.8), bootstrap(values, 0.99)

    assert wide.low < narrow.low < narrow.high < wide.high


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
    random = np.random.default_rng(2)
    inside = 0
    for _ in range(30):
        found = bootstrap(list(random.choice([-1.0, 0.0, 1.0], 60, p=[0.2, 0.5, 0.3])))
        inside += found.low <= 0.1 <= found.high

    assert stats.binom.cdf(inside, 30, 0.95) > 0.001


@pytest.mark.parametrize("values", [[0.0], [2.5], [1.0] * 40])
def test_differences_that_are_all_equal_leave_no_doubt_about_them(values):
    found = bootstrap(values)

    assert (found.mean, found.low, found.high) == (values[0],) * 3


def test_no_differences_have_no_mean():
    with pytest.raises(ValueError, match="at least one"):
        bootstrap([])
