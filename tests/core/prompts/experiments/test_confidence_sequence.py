"""The confidence sequence, simulated with a look after every observation."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from codetune_core.prompts.experiments.confidence_sequence import (
    CENTRES,
    NONE,
    STAKES,
    Counts,
    block_sizes,
    confidence_interval,
    log_capital,
)

RUNS, LOOKS = 2_000, 2_000
ALPHA = 0.05


def first_alarm(control, treatment, sizes=(1, 1), difference=0.0, alpha=ALPHA):
    """Number of the first block at which each run's interval misses ``difference``; one more than there are for never.

    ``control`` and ``treatment`` are hits after each block, one line a run.
    """
    blocks = control.shape[1]
    needed = math.log(2 / alpha)
    above = crossed(control, treatment, sizes, difference, needed)
    below = crossed(treatment, control, sizes[::-1], -difference, needed)
    return np.where(above | below, 1 + np.arange(blocks, dtype=np.int64), blocks + 1).min(axis=1)


def crossed(lesser, greater, sizes, difference, needed):
    """Where the capital has reached its bound: `log_capital` once more, for whole arrays."""
    blocks = np.arange(1, lesser.shape[1] + 1, dtype=np.float32)
    capital = np.zeros(lesser.shape, dtype=np.float32)
    for stake, centre in product(STAKES, CENTRES):
        a, b = 2 * stake * sizes[1] / sum(sizes), 2 * stake * sizes[0] / sum(sizes)
        other = centre + difference
        if a * (1 - centre) < 1 and b * other < 1:
            low_hit, low_miss = math.log1p(-a * (1 - centre)), math.log1p(a * centre)
            high_hit, high_miss = math.log1p(b * (1 - other)), math.log1p(-b * other)
            bet = lesser * np.float32(low_hit - low_miss) + greater * np.float32(high_hit - high_miss)
            bet += blocks * np.float32(sizes[0] * low_miss + sizes[1] * high_miss)
            capital += np.exp(np.minimum(bet, 60, out=bet), out=bet)
    return capital >= np.exp(needed) * len(STAKES) * len(CENTRES)


def simulate(rates, sizes=(1, 1), runs=RUNS, looks=LOOKS, seed=7):
    """Hits of both arms after each block."""
    random = np.random.default_rng(seed)
    return [
        np.cumsum(random.binomial(size, rate, (runs, looks)), axis=1).astype(np.float32)
        for rate, size in zip(rates, sizes, strict=True)
    ]


def at_most(alarms: int, runs: int, rate: float) -> bool:
    """Whether so many alarms are believable where their chance is at most ``rate``."""
    return stats.binom.sf(alarms - 1, runs, rate) > 0.001


def test_looking_after_every_observation_at_thirty_percent_gives_false_alarms_in_at_most_five_percent_of_runs():
    alarms = int((first_alarm(*simulate((0.3, 0.3))) <= LOOKS).sum())

    assert alarms / RUNS <= ALPHA
    assert alarms > 0


def test_looking_as_often_at_a_usual_z_test_lies_in_more_than_fifteen_percent_of_runs():
    control, treatment = simulate((0.3, 0.3))
    units = np.arange(1, LOOKS + 1)
    pooled = (control + treatment) / (2 * units)
    error = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-9) * 2 / units)
    z = np.abs(treatment - control) / units / error
    looked = z[:, 29:] > 1.96

    assert looked.any(axis=1).mean() > 0.15
    assert looked[:, -1].mean() < 0.07


@pytest.mark.parametrize(
    ("rates", "sizes"),
    [
        ((0.02, 0.05), (1, 1)), ((0.05, 0.05), (1, 1)), ((0.5, 0.5), (1, 1)), ((0.3, 0.4), (1, 1)),
        ((0.4, 0.3), (1, 1)),
        ((0.97, 0.9), (1, 1)), ((0.1, 0.9), (1, 1)), ((0.3, 0.3), (9, 1)), ((0.3, 0.4), (1, 3)), ((0.6, 0.5), (20, 1)),
    ],
)  # fmt: skip
def test_the_true_difference_is_inside_at_all_times_in_at_least_95_percent_of_runs(rates, sizes):
    control, treatment = simulate(rates, sizes, runs=400, looks=800)

    misses = first_alarm(control, treatment, sizes, rates[1] - rates[0]) <= 800

    assert at_most(int(misses.sum()), 400, ALPHA)


@pytest.mark.parametrize(
    ("rates", "median"),
    [((0.3, 0.4), 600), ((0.4, 0.3), 600), ((0.05, 0.1), 900), ((0.3, 0.5), 180), ((0.8, 0.9), 400)],
)
def test_a_real_difference_is_found_after_a_reasonable_number_of_sessions(rates, median):
    found = first_alarm(*simulate(rates, runs=200, looks=3_000))

    assert np.median(found) < median


@pytest.mark.parametrize("seed", range(40))
def test_the_simulation_computes_what_the_function_computes(seed):
    random = np.random.default_rng(seed)
    sizes = tuple(int(size) for size in random.integers(1, 6, 2))
    rates = random.uniform(0.05, 0.95, 2)
    hits = simulate(rates, sizes, runs=1, looks=300, seed=seed)
    blocks = int(random.integers(1, 301))
    counts = [Counts(size * blocks, int(of[0, blocks - 1])) for size, of in zip(sizes, hits, strict=True)]
    difference = float(random.uniform(-0.5, 0.5))

    capital = log_capital(*counts, sizes, difference)

    hits = [of[:, :blocks] for of in hits]
    low, high = min(capital, 40) - 0.01, min(capital, 40) + 0.01
    assert crossed(*hits, sizes, difference, low)[0, -1]
    assert crossed(*hits, sizes, difference, high)[0, -1] == (capital > high)


@pytest.mark.parametrize("seed", range(40))
def test_the_interval_holds_just_the_differences_whose_refutation_has_not_earned_enough(seed):
    random = np.random.default_rng(seed)
    blocks, sizes = int(random.integers(1, 2_000)), tuple(int(size) for size in random.integers(1, 6, 2))
    control, treatment = (
        Counts(size * blocks, int(random.binomial(size * blocks, random.uniform()))) for size in sizes
    )

    found = confidence_interval(control, treatment, sizes, ALPHA)

    needed = math.log(2 / ALPHA)
    assert found.low == -1 or log_capital(control, treatment, sizes, found.low - 2e-5) >= needed
    assert log_capital(control, treatment, sizes, found.low + 2e-5) < needed
    assert found.high > 0.9999 or log_capital(treatment, control, sizes[::-1], -found.high - 2e-5) >= needed
    assert log_capital(treatment, control, sizes[::-1], -found.high + 2e-5) < needed


@pytest.mark.parametrize("seed", range(60))
def test_the_observed_difference_lies_inside(seed):
    random = np.random.default_rng(seed)
    units = int(random.integers(1, 5_000))
    control, treatment = (Counts(units, int(random.integers(0, units + 1))) for _ in range(2))

    found = confidence_interval(control, treatment, (1, 1), ALPHA)

    assert -1 <= found.low <= treatment.rate - control.rate <= found.high <= 1


@pytest.mark.parametrize("seed", range(20))
def test_exchanging_the_arms_mirrors_the_interval(seed):
    random = np.random.default_rng(seed)
    sizes = (2, 3)
    control, treatment = (Counts(100 * size, int(random.integers(0, 100 * size))) for size in sizes)

    found = confidence_interval(control, treatment, sizes, ALPHA)
    mirrored = confidence_interval(treatment, control, sizes[::-1], ALPHA)

    assert (mirrored.low, mirrored.high) == (-found.high, -found.low)


@pytest.mark.parametrize(("few", "many"), [(100, 1_000), (1_000, 10_000), (10_000, 1_000_000)])
def test_more_observations_of_the_same_rates_narrow_the_interval(few, many):
    narrow, wide = (
        confidence_interval(Counts(units, units * 3 // 10), Counts(units, units * 4 // 10), (1, 1), ALPHA)
        for units in (many, few)
    )

    assert wide.low < narrow.low < 0.1 < narrow.high < wide.high


@pytest.mark.parametrize("units", [400, 4_000, 40_000, 1_000_000])
@pytest.mark.parametrize("rate", [0.05, 0.3, 0.5, 0.9])
def test_the_price_of_looking_often_is_an_interval_about_twice_as_wide(units, rate):
    hits = Counts(units, round(units * rate))

    found = confidence_interval(hits, hits, (1, 1), ALPHA)

    fixed = 2 * 1.96 * math.sqrt(2 * rate * (1 - rate) / units)
    assert fixed < found.high - found.low < 2.1 * fixed


def test_a_smaller_alpha_widens_the_interval():
    control, treatment = Counts(500, 150), Counts(500, 200)

    widths = [confidence_interval(control, treatment, (1, 1), alpha) for alpha in (0.2, 0.05, 0.001)]

    assert widths[0].low > widths[1].low > widths[2].low


def test_without_observations_anything_may_be():
    found = confidence_interval(NONE, NONE, (1, 1), ALPHA)

    assert found.low == -1
    assert found.high == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("weights", "sizes"),
    [
        ((0.5, 0.5), (1, 1)), ((50, 50), (1, 1)), ((9, 1), (9, 1)), ((0.9, 0.1), (9, 1)), ((1, 99), (1, 20)),
        ((1, 1e6), (1, 20)), ((1 / 3, 1 / 3, 1 / 3), (1, 1, 1)), ((0.1, 0.2, 0.7), (1, 2, 7)), ((2, 3), (2, 3)),
        ((33, 67), (1, 2)), ((1e-9, 1e-9), (1, 1)), ((0.15, 0.85), (3, 17)), ((77, 11, 7), (20, 3, 2)),
    ],
)  # fmt: skip
def test_blocks_are_whole_numbers_in_about_the_proportion_of_the_weights(weights, sizes):
    assert block_sizes(weights) == sizes
