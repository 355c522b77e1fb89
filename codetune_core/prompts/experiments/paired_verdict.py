"""What a replay found, in words and as a table, for people."""

from codetune_core.prompts.experiments.confidence_sequence import Counts
from codetune_core.prompts.experiments.paired import Estimate
from codetune_core.prompts.experiments.replay import PairedResult
from codetune_core.prompts.experiments.verdict import rate

SURE = 0.05
"""A p-value at or below this is called a difference."""
HEADER = ("version", "inputs", "succeeded", "only this one")
"""Titles of the table's columns."""


def table(result: PairedResult) -> list[tuple[str, ...]]:
    """Return one line a version; columns are those of ``HEADER``."""
    return [
        (name, f"{result.judged:,}", rate(Counts(result.judged, result.both + only)), f"{only:,}")
        for name, only in ((result.a, result.only_a), (result.b, result.only_b))
    ]


def words(result: PairedResult) -> list[str]:
    """Return what was found as sentences, the most important first, and at the end what to beware of."""
    found = [_success(result)]
    if result.milliseconds:
        found.append(_time(result, result.milliseconds))
    if result.cost_usd:
        found.append(_cost(result, result.cost_usd))
    if result.unjudged:
        found.append(f"{result.unjudged:,} inputs were left out: to judge their answers takes a person.")
    return [*found, result.caution]


def _success(result: PairedResult) -> str:
    if result.success is None:
        return f"Nothing can be said of {result.b} and {result.a}: no input could be judged on both."
    accepted = [rate(Counts(result.judged, result.both + only)) for only in (result.only_b, result.only_a)]
    spread = f"between {100 * result.success.low:+.1f} and {100 * result.success.high:+.1f} points"
    figures = f"succeeded on {accepted[0]} against {accepted[1]} of {result.judged:,} inputs"
    evidence = f"(difference {spread}, 95 % by bootstrap; McNemar's test p = {result.p:.2g})"
    return f"{_claim(result)}: {figures} {evidence}."


def _claim(result: PairedResult) -> str:
    if result.p > SURE:
        return f"No difference between {result.b} and {result.a} can be said"
    return f"{result.b} is {'better' if result.only_b > result.only_a else 'worse'} than {result.a}"


def _time(result: PairedResult, time: Estimate) -> str:
    slower = "longer" if time.mean >= 0 else "less"
    spread = f"between {time.low:+,.0f} and {time.high:+,.0f} ms"
    return f"{result.b} took {abs(time.mean):,.0f} ms {slower} than {result.a} on average (difference {spread}, 95 %)."


def _cost(result: PairedResult, cost: Estimate) -> str:
    more = "more" if cost.mean >= 0 else "less"
    spread = f"between {1000 * cost.low:+,.2f} and {1000 * cost.high:+,.2f}"
    return f"{result.b} costs ${1000 * abs(cost.mean):,.2f} {more} a thousand answers (difference {spread}, 95 %)."
