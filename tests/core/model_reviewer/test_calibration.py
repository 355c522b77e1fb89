"""Confidence is worth what became of earlier claims, and the likeliest new ones are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.domain.finding import Confidence, Finding, Rule, Severity
from codetune_core.domain.text import Range
from codetune_core.model_reviewer.budget import within_budget
from codetune_core.model_reviewer.calibration import PRIOR, Calibration, Tally, monotone

LOW, MEDIUM, HIGH = Confidence
TALLIES = st.dictionaries(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(Confidence)),
    st.builds(Tally, st.integers(0, 500), st.integers(0, 500)),
)


def finding(name, rule="a", confidence=MEDIUM, severity=Severity.HIGH, line=0):
    return Finding(Rule(rule, rule), Range.of(line, 0, line, 1), name, severity, confidence, ("model",), id=name)


def chosen(findings, most, outcomes=None, shown=()):
    return [each.id for each in within_budget(findings, most, Calibration(outcomes), shown)]


@pytest.mark.parametrize("level", Confidence)
def test_with_nothing_recorded_a_confidence_is_worth_its_prior(level):
    assert Calibration().probability("a", level) == pytest.approx(PRIOR[level])


@given(TALLIES, st.sampled_from(["a", "b", "c"]))
def test_more_confidence_is_never_worth_less_and_every_value_is_a_probability(outcomes, rule):
    values = [Calibration(outcomes).probability(rule, level) for level in Confidence]
    assert values == sorted(values)
    assert all(0 < value < 1 for value in values)


@given(TALLIES, st.sampled_from(Confidence), st.integers(1, 50))
def test_acceptance_raises_and_dismissal_lowers(outcomes, level, more):
    tally = outcomes.get(("a", level), Tally())
    before = Calibration(outcomes).probability("a", level)
    better = Calibration({**outcomes, ("a", level): Tally(tally.accepted + more, tally.dismissed)})
    worse = Calibration({**outcomes, ("a", level): Tally(tally.accepted, tally.dismissed + more)})
    assert better.probability("a", level) >= before - 1e-12
    assert worse.probability("a", level) <= before + 1e-12


def test_what_became_of_other_rules_counts_less_than_what_became_of_ones_own():
    calibration = Calibration({("a", HIGH): Tally(0, 40)})
    assert calibration.probability("a", HIGH) < calibration.probability("b", HIGH) < PRIOR[HIGH]


def test_many_outcomes_outweigh_the_prior():
    calibration = Calibration({("a", LOW): Tally(900, 100)})
    assert calibration.probability("a", LOW) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize(
    ("values", "weights", "expected"),
    [([1, 2, 3], [1, 1, 1], [1, 2, 3]), ([3, 1], [1, 1], [2, 2]), ([3, 1, 2], [1, 3, 1], [1.5, 1.5, 2]),
     ([4, 3, 2], [1, 1, 2], [2.75, 2.75, 2.75]), ([], [], [])],
)  # fmt: skip
def test_values_that_fall_are_pooled(values, weights, expected):
    assert monotone(values, weights) == pytest.approx(expected)


def test_the_likeliest_are_shown_first_and_the_worse_of_equal_ones():
    findings = [finding("low", confidence=LOW), finding("mild", severity=Severity.LOW), finding("bad"),
                finding("sure", confidence=HIGH)]  # fmt: skip
    assert chosen(findings, 3) == ["sure", "bad", "mild"]


def test_a_rule_that_is_always_dismissed_gives_way_to_one_that_is_accepted():
    outcomes = {("noisy", HIGH): Tally(0, 60), ("good", LOW): Tally(60, 0)}
    findings = [finding("one", "noisy", HIGH), finding("other", "good", LOW)]
    assert chosen(findings, 1, outcomes) == ["other"]


@pytest.mark.parametrize("most", [0, -1])
def test_without_a_budget_only_what_was_shown_stays(most):
    assert chosen([finding("a"), finding("b")], most, shown={"b", "gone"}) == ["b"]
