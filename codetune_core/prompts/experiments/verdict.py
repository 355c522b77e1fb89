"""A verdict in words, and as a table, for people."""

from decimal import Decimal

from codetune_core.prompts.experiments.compare import (
    TOLERATED_FAILURES,
    WORTH_SEEING,
    Comparison,
    Judgement,
    Verdict,
)
from codetune_core.prompts.experiments.confidence_sequence import Counts, Interval
from codetune_core.prompts.experiments.protocol import SLOWER, ArmResults

HEADER = ("arm", "sessions", "executions", "judged", "accepted", "failed", "average", "rating", "cost")
"""Titles of the table's columns."""


def table(verdict: Verdict) -> list[tuple[str, ...]]:
    """Return one line an arm, the control first; columns are those of ``HEADER``, - for what was not measured."""
    return [_row(arm) for arm in verdict.results]


def words(verdict: Verdict) -> list[str]:
    """Return the verdict as sentences, the most important first."""
    found = [_sentence(verdict, comparison) for comparison in verdict.comparisons]
    if verdict.trusted:
        return found
    return [_distrust(verdict), *(f"As counted, and not to be trusted: {sentence}" for sentence in found)]


def _row(arm: ArmResults) -> tuple[str, ...]:
    return (
        arm.arm,
        f"{arm.sessions:,}",
        f"{arm.executions:,}",
        f"{arm.judged.units:,}",
        rate(arm.judged),
        rate(arm.ended),
        "-" if arm.average_ms is None else f"{arm.average_ms:,.0f} ms",
        "-" if arm.average_rating is None else f"{arm.average_rating:.1f}",
        _money(arm.cost_usd),
    )


def rate(counts: Counts) -> str:
    """Return a rate in per cent, - where nothing was counted."""
    return "-" if counts.rate is None else f"{counts.rate:.1%}".replace("%", " %")


def _money(usd: Decimal | None) -> str:
    return "-" if usd is None else f"${usd:,.4f}"


def _distrust(verdict: Verdict) -> str:
    weights = [arm.weight for arm in verdict.experiment.arms]
    total = sum(arm.sessions for arm in verdict.results)
    came = ", ".join(f"{arm.arm} {arm.sessions:,}" for arm in verdict.results)
    due = ", ".join(
        f"{arm.arm} {total * weight / sum(weights):,.0f}" for arm, weight in zip(verdict.results, weights, strict=True)
    )
    return (
        f"Don't trust this experiment: its arms got {came} sessions, where {due} were due "
        f"(p = {verdict.sample_ratio:.1g}, always valid). Something loses or repeats the sessions of an arm: "
        "find it and start again; nothing is promoted."
    )


def _sentence(verdict: Verdict, comparison: Comparison) -> str:
    treatment, control = comparison.treatment.arm, comparison.control.arm
    if comparison.judgement is Judgement.WORSE:
        return f"{treatment} is worse than {control}: {_harm(verdict, comparison)}."
    if comparison.judgement is Judgement.BETTER:
        return f"{treatment} is better than {control}: {_rates(verdict, comparison)}."
    if comparison.judgement is Judgement.SAME:
        points = f"{100 * WORTH_SEEING:g} points or more"
        return f"{treatment} and {control} do not differ by {points}: {_rates(verdict, comparison)}."
    return _open(verdict, comparison)


def _harm(verdict: Verdict, comparison: Comparison) -> str:
    """Say in which ways an arm is worse."""
    harms = []
    if comparison.acceptance.high < 0:
        harms.append(_rates(verdict, comparison))
    if comparison.fails_more:
        failed = [rate(arm.ended) for arm in (comparison.treatment, comparison.control)]
        tolerated = f"more than the {100 * TOLERATED_FAILURES:g} point tolerated"
        harms.append(f"failed in {failed[0]} of its sessions against {failed[1]}, {tolerated}")
    if comparison.slower:
        often = rate(comparison.treatment.timed)
        harms.append(f"took more than {SLOWER:g} times as long in {often} of pairs of sessions")
    return "; ".join(harms)


def _open(verdict: Verdict, comparison: Comparison) -> str:
    arms = (comparison.treatment, comparison.control)
    if unjudged := [arm.arm for arm in arms if not arm.judged.units]:
        missing = " or ".join(unjudged)
        return f"Nothing can be said of {arms[0].arm} yet: no answer of {missing} was accepted or rejected."
    said = f"No difference between {arms[0].arm} and {arms[1].arm} can be said yet: {_rates(verdict, comparison)}; "
    points = f"{100 * WORTH_SEEING:g} points"
    if not comparison.sessions_needed:
        return f"{said}a difference of {points} would likely have been seen by now."
    needed = _rounded(comparison.sessions_needed)
    return f"{said}about {needed:,} more judged sessions are needed to see {points}."


def _rates(verdict: Verdict, comparison: Comparison) -> str:
    level = f"{100 * (1 - verdict.experiment.alpha):g} % always valid"
    accepted = [rate(arm.judged) for arm in (comparison.treatment, comparison.control)]
    return f"accepted {accepted[0]} against {accepted[1]} (difference {_points(comparison.acceptance)}, {level})"


def _points(interval: Interval) -> str:
    return f"between {100 * interval.low:+.1f} and {100 * interval.high:+.1f} points"


def _rounded(number: int) -> int:
    """Two digits, as an estimate is not known better."""
    return round(number, 2 - len(str(number)))
