"""A completion that came answers what follows it, and one still to come is waited for while it may fit."""

import pytest

from codetune_core.completion.place import Place
from codetune_core.completion.reuse import Completion, Flight


def at(marked, uri="file:///a.py"):
    before, after = marked.split("|")
    return Place(uri, before, after, "python")


SHOWN = Completion(at("x = |\ny"), "total(a)\n    + 1")


@pytest.mark.parametrize(
    ("now", "rest"),
    [
        ("x = |\ny", "total(a)\n    + 1"),
        ("x = to|\ny", "tal(a)\n    + 1"),
        ("x = total(a)\n    + |\ny", "1"),
        ("x = total(|)\ny", "a"),
        ("x = total(a)|\ny", "\n    + 1"),
        ("x = total(a)\n    + 1|\ny", None),
        ("x = tu|\ny", None),
        ("x =|\ny", None),
        ("x = to|\nyz", None),
        ("x = to|\nz", None),
        ("x = to|tal\ny", None),
        ("z = to|\ny", None),
        ("x = total(a|))\ny", None),
        ("x = total(a)\n    + 1 and more|\ny", None),
    ],
)
def test_what_is_left_is_what_was_not_typed_yet(now, rest):
    assert SHOWN.rest(at(now)) == rest


def test_another_document_is_another_matter():
    assert SHOWN.rest(at("x = |\ny", "file:///b.py")) is None


def test_that_there_is_nothing_to_say_is_known_at_this_place_only():
    nothing = Completion(at("x = |\ny"), "")
    assert nothing.rest(at("x = |\ny")) == ""
    assert nothing.rest(at("x = 1|\ny")) is None


@pytest.mark.parametrize(
    ("come", "now", "fits"),
    [
        ("", "x = |", True),
        ("", "x = total|", True),
        ("", "x = " + "t" * 16 + "|", True),
        ("", "x = " + "t" * 17 + "|", False),
        ("", "x = a\n|", False),
        ("tot", "x = to|", True),
        ("tot", "x = total|", True),
        ("tot", "x = tu|", False),
        ("tot\n", "x = tot\n|", True),
        ("tot", "x = tot\n|", False),
        ("", "x =|", False),
        ("", "x = f(|)", True),
        ("", "x = f|g", False),
    ],
)
def test_a_request_in_flight_is_waited_for_while_it_may_fit(come, now, fits):
    assert Flight(at("x = |"), 0.0, come).may_fit(at(now)) is fits
