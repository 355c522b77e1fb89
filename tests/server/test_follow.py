"""Findings followed through edits that were not reviewed yet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity, Step
from codetune_core.domain.fix import Applicability, Fix
from codetune_core.domain.text import Range
from codetune_server.follow import Shift, follow


def document(text):
    return Document("file:///a.py", text, "python")


def finding(line, evidence=()):
    fix = Fix("mend it", Applicability.SAFE)
    steps = tuple(Step(Range.of(at, 0, at, 1), "here") for at in evidence)
    place = Range.of(line, 0, line, 1)
    return Finding(Rule("X1", "x"), place, "m", Severity.LOW, Confidence.LOW, ("d",), steps, id="1", fixes=(fix,))


def check(old, new, line):
    """The line of a finding in the new text, None where it is dropped."""
    moved = follow([finding(line)], document(old), document(new))
    return moved[0].range.start.line if moved else None


@pytest.mark.parametrize(
    ("old", "new", "line", "expected"),
    [
        ("a\nb\nc\n", "a\nb\nc\n", 1, 1),
        ("a\nb\nc\n", "new\na\nb\nc\n", 1, 2),
        ("a\nb\nc\n", "a\nb\nc\nnew\n", 1, 1),
        ("a\nb\nc\n", "b\nc\n", 1, 0),
        ("a\nb\nc\n", "a\nB\nc\n", 1, None),
        ("a\nb\nc\n", "a\nB\nc\n", 0, 0),
        ("a\nb\nc\n", "a\nB\nc\n", 2, 2),
        ("a\nb\nc\n", "", 1, None),
        ("a\r\nb\r\n", "new\r\na\r\nb\r\n", 1, 2),
        ("a\nb", "a\nnew\nb", 1, 2),
        ("a\na\na\n", "a\na\n", 0, 0),
        ("a\nb\nc\nd\ne\n", "A\nb\nc\nnew\nd\nE\n", 2, 2),
        ("a\nb\nc\nd\ne\n", "A\nb\nc\nnew\nd\nE\n", 3, 4),
        ("a\nx\nc\nx\ne\n", "A\nx\nd\nx\nE\n", 1, None),
    ],
)
def test_a_finding_goes_with_its_lines_and_is_dropped_where_they_change(old, new, line, expected):
    assert check(old, new, line) == expected


def test_fixes_are_offered_for_the_very_text_they_were_verified_for_and_no_other():
    (same,) = follow([finding(0)], document("a\nb\n"), document("a\nb\n"))
    (moved,) = follow([finding(0)], document("a\nb\n"), document("a\nB\n"))
    assert same.fixes
    assert not moved.fixes


def test_evidence_that_changed_is_left_out_and_the_finding_stays():
    (moved,) = follow([finding(2, evidence=(0, 1))], document("a\nb\nc\n"), document("A\nb\nc\n"))
    assert [step.range.start.line for step in moved.evidence] == [1]


lines = st.lists(st.sampled_from(["a\n", "b\n", "c\n"]), max_size=8).map("".join)


@given(old=lines, new=lines, line=st.integers(0, 7))
def test_a_followed_range_holds_the_text_it_held(old, new, line):
    before, after = document(old), document(new)
    place = Range.of(min(line, len(before.lines) - 1), 0, min(line, len(before.lines) - 1), 1)
    moved = Shift.between(before, after).range(place)
    if moved:
        assert after.slice(moved) == before.slice(place)
