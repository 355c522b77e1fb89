"""The comparison of an experiment's arms with its control: better, worse, the same, or not known yet."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from codetune_core.domain.deployment import Experiment
from codetune_core.prompts.experiments.confidence_sequence import (
    STAKES,
    Counts,
    Interval,
    block_sizes,
    confidence_interval,
    log_capital,
)
from codetune_core.prompts.experiments.protocol import ArmResults
from codetune_core.prompts.experiments.sample_ratio import SUSPICIOUS, sample_ratio

WORTH_SEEING = 0.05
"""A smaller difference of acceptance rates is called none."""
TOLERATED_FAILURES = 0.01
"""So much more often may an arm fail than the control."""
_ACCEPTANCE, _FAILURES, _TIMES = 0.8, 0.1, 0.1
"""Shares of alpha: the three ways to a false alarm together have a chance of at most alpha."""
_MOST_BLOCKS = 2**40


class Judgement(StrEnum):
    """What can be said of an arm against the control."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    """A difference of ``WORTH_SEEING`` or more is ruled out, and none is seen."""
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One arm against the control.

    Attributes:
        judgement: worse also for failing more, or for being slower.
        acceptance: bounds of its acceptance rate minus the control's.
        failures: bounds of its failure rate minus the control's.
        slower: whether its answers take longer, beyond chance and what is tolerated.
        sessions_needed: of both arms to be judged yet, about, until a difference of ``WORTH_SEEING`` would be seen;
            0 where the judgement is not open.
    """

    control: ArmResults
    treatment: ArmResults
    judgement: Judgement
    acceptance: Interval
    failures: Interval
    slower: bool
    sessions_needed: int

    @property
    def fails_more(self) -> bool:
        """Whether it fails more often, beyond chance and what is tolerated."""
        return self.failures.low > TOLERATED_FAILURES


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an experiment says.

    ``sample_ratio`` is the p-value of the split; where it is suspicious, nothing else can be trusted.
    """

    experiment: Experiment
    results: tuple[ArmResults, ...]
    sample_ratio: float
    comparisons: tuple[Comparison, ...]

    @property
    def trusted(self) -> bool:
        """Whether as many sessions came to each arm as should."""
        return self.sample_ratio > SUSPICIOUS


def compare(experiment: Experiment, results: Sequence[ArmResults]) -> Verdict:
    """Compare each arm with the control, the first one; all that is said holds together but for a chance of alpha.

    Alpha is divided among the arms, and among acceptance (80 %), failures (10 %) and times (10 %).
    """
    weights = [arm.weight for arm in experiment.arms]
    sizes = block_sizes(weights)
    alpha = experiment.alpha / (len(results) - 1)
    comparisons = tuple(
        _comparison(results[0], treatment, (sizes[0], size), alpha)
        for treatment, size in zip(results[1:], sizes[1:], strict=True)
    )
    ratio = sample_ratio([arm.sessions for arm in results], weights)
    return Verdict(experiment, tuple(results), ratio, comparisons)


def _comparison(control: ArmResults, treatment: ArmResults, sizes: tuple[int, int], alpha: float) -> Comparison:
    acceptance = confidence_interval(control.judged_blocks, treatment.judged_blocks, sizes, alpha * _ACCEPTANCE)
    failures = confidence_interval(control.ended_blocks, treatment.ended_blocks, sizes, 2 * alpha * _FAILURES)
    slower = more_than_half(treatment.timed, alpha * _TIMES)
    harmful = slower or failures.low > TOLERATED_FAILURES
    judgement = Judgement.WORSE if harmful else _judgement(acceptance)
    is_open = judgement is Judgement.OPEN
    needed = _sessions_needed(control, treatment, sizes, alpha * _ACCEPTANCE) if is_open else 0
    return Comparison(control, treatment, judgement, acceptance, failures, slower, needed)


def _judgement(acceptance: Interval) -> Judgement:
    if acceptance.low > 0:
        return Judgement.BETTER
    if acceptance.high < 0:
        return Judgement.WORSE
    inside = acceptance.low > -WORTH_SEEING and acceptance.high < WORTH_SEEING
    return Judgement.SAME if inside else Judgement.OPEN


def more_than_half(counts: Counts, alpha: float) -> bool:
    """Say whether hits have a chance above a half, wrongly ever at all with a chance of at most alpha.

    The bets are those of `confidence_sequence` against a known rate: a stake of s multiplies the capital by 1 + s for
    a hit and by 1 - s for a miss.
    """
    misses = counts.units - counts.hits
    bets = [counts.hits * math.log1p(stake) + misses * math.log1p(-stake) for stake in STAKES if stake < 1]
    most = max(bets)
    return most + math.log(math.fsum(math.exp(bet - most) for bet in bets) / len(bets)) >= -math.log(alpha)


def _sessions_needed(control: ArmResults, treatment: ArmResults, sizes: tuple[int, int], alpha: float) -> int:
    """Return how many more would rule a difference of ``WORTH_SEEING`` out, were there none at the rate seen so far."""
    units = control.judged.units + treatment.judged.units
    rate = (control.judged.hits + treatment.judged.hits) / units if units else 0.5
    low, enough = 0, _MOST_BLOCKS
    while enough - low > max(1, low // 100):
        middle = math.isqrt(max(low, 1) * enough)
        low, enough = (low, middle) if _ruled_out(middle, rate, sizes, alpha) else (middle, enough)
    return max(0, enough - treatment.judged_blocks.units // sizes[1]) * sum(sizes)


def _ruled_out(blocks: int, rate: float, sizes: tuple[int, int], alpha: float) -> bool:
    lesser, greater = (Counts(blocks * size, round(blocks * size * rate)) for size in sizes)
    return log_capital(lesser, greater, sizes, -WORTH_SEEING) >= -math.log(alpha / 2)
