"""One flaw from several detectors is one finding that names them all; two flaws stay two."""

from dataclasses import replace

import pytest

from codetune_core.domain.finding import Confidence, Finding, Rule, Severity, Step
from codetune_core.domain.text import Range
from codetune_core.findings.merge import merge

SQL = Rule("S608", "a flaw", cwe=(89,), aliases=("B608",), explanation="why")
BANDIT_SQL = Rule("B608", "a flaw", cwe=(89,), aliases=("S608",))
HERE = Range.of(4, 8, 4, 40)


def finding(rule: Rule, place: Range = HERE, detector: str = "ruff", **more) -> Finding:
    return Finding(
        rule, place, rule.id, Severity.MEDIUM, more.pop("confidence", Confidence.MEDIUM), (detector,), **more
    )


@pytest.mark.parametrize("order", [1, -1])
def test_the_same_flaw_under_two_names_names_both_detectors(order):
    both = [finding(SQL), finding(BANDIT_SQL, Range.of(4, 0, 4, 60), "bandit")][::order]
    (merged,) = merge(both)
    assert merged.rule is SQL
    assert merged.detectors == ("ruff", "bandit")
    assert "B608" in merged.aliases


def test_the_same_weakness_at_an_overlapping_place_is_one_flaw():
    other = Rule("python.lang.sql-injection", "a flaw", cwe=(89,))
    assert len(merge([finding(SQL), finding(other, Range.of(4, 20, 5, 1), "semgrep")])) == 1


def test_weaknesses_that_tools_use_for_one_another_are_alike():
    password, key = Rule("S105", "a flaw", cwe=(259,)), Rule("secret", "a flaw", cwe=(798,))
    assert len(merge([finding(password), finding(key, detector="secrets")])) == 1


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        (Rule("X1", "a flaw", cwe=(79,)), HERE),
        (Rule("X2", "a flaw", cwe=(89,)), Range.of(9, 0, 9, 5)),
        (Rule("X3", "a flaw", cwe=(89,)), Range.of(4, 41, 4, 50)),
        (Rule("X4", "a flaw"), HERE),
        (BANDIT_SQL, Range.of(5, 0, 5, 9)),
    ],
)
def test_different_flaws_stay_apart(rule, place):
    assert len(merge([finding(SQL), finding(rule, place, "other")])) == 2


def test_two_claims_of_one_detector_are_never_merged():
    assert len(merge([finding(Rule("S602", "a flaw", cwe=(78,))), finding(Rule("S607", "a flaw", cwe=(78,)))])) == 2


def test_a_claim_made_twice_by_one_detector_is_one():
    assert len(merge([finding(SQL), finding(SQL)])) == 1


def test_one_rule_of_one_detector_at_two_places_of_a_line_is_two():
    assert len(merge([finding(SQL), finding(SQL, Range.of(4, 50, 4, 60))])) == 2


def test_the_surer_one_lends_its_confidence_and_evidence_is_kept():
    step = Step(HERE, "from here")
    sure = finding(BANDIT_SQL, detector="codeql", confidence=Confidence.HIGH, evidence=(step,))
    (merged,) = merge([finding(SQL), sure])
    assert merged.rule is SQL
    assert merged.confidence is Confidence.HIGH
    assert merged.evidence == (step,)


def test_three_detectors_become_one_finding():
    third = replace(finding(Rule("py/sql-injection", "a flaw", cwe=(89,))), detectors=("codeql",))
    (merged,) = merge([finding(SQL), finding(BANDIT_SQL, detector="bandit"), third])
    assert set(merged.detectors) == {"ruff", "bandit", "codeql"}


def test_nothing_merges_to_nothing():
    assert merge([]) == ()
