"""Entries of the menu, and what comes back of them."""

import json
from dataclasses import asdict

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity
from codetune_core.domain.fix import Applicability, Fix, Verification
from codetune_core.domain.review import Review, Stage
from codetune_core.domain.text import Edit, Range
from codetune_server import from_proto
from codetune_server.errors import RequestError
from codetune_server.offers import Deed, Wanted, offers, safe
from codetune_server.session import State
from codetune_server.subject import Subject

SAFE, UNSAFE, SHOWN = Applicability.SAFE, Applicability.UNSAFE, Applicability.DISPLAY_ONLY


def finding(name, *kinds, rule="X1"):
    held = Verification(parses=True, names_resolve=True, finding_gone=True, nothing_new=True)
    edit = Edit(Range.of(0, 0, 0, 1), "y")
    fixes = tuple(Fix(f"way {number}", kind, (edit,), held) for number, kind in enumerate(kinds))
    place = Range.of(0, 0, 0, 1)
    return Finding(Rule(rule, "a flaw"), place, "m", Severity.LOW, Confidence.LOW, ("d",), id=name, fixes=fixes)


def menu(*findings, only=None):
    document = Document("file:///a.py", "x\n", "python", 7)
    state = State(Subject(document), Review(document.uri, 7, Stage.FIXED, findings))
    return offers(state, findings[:1], only)


@pytest.mark.parametrize(
    ("kinds", "preferred"),
    [((SAFE,), [0]), ((UNSAFE,), []), ((UNSAFE, SAFE), []), ((SAFE, SAFE), [0]), ((SHOWN,), []), ((), [])],
)
def test_only_a_safe_first_fix_is_preferred(kinds, preferred):
    assert [offer.wanted.fix for offer in menu(finding("1", *kinds)) if offer.preferred] == preferred


def test_what_cannot_be_edited_is_explained():
    offer = menu(finding("1", SHOWN))[0]
    assert (offer.wanted.deed, offer.title) == (Deed.EXPLAIN, "How to fix: way 0")


@pytest.mark.parametrize(
    ("others", "offered"),
    [
        ([], False),
        ([finding("2", SAFE)], True),
        ([finding("2", SHOWN)], False),
        ([finding("2", SAFE, rule="Y2")], False),
        ([finding("2")], False),
    ],
)
def test_a_rule_is_fixed_at_once_where_it_has_several_findings_that_can_be(others, offered):
    found = menu(finding("1", SAFE), *others)
    assert any(offer.wanted.deed is Deed.FIX_RULE for offer in found) == offered


@pytest.mark.parametrize(
    ("kinds", "chosen"), [((SAFE,), ["way 0"]), ((UNSAFE, SAFE), ["way 1"]), ((UNSAFE,), []), ((SHOWN,), []), ((), [])]
)
def test_fixing_everything_takes_safe_fixes_only(kinds, chosen):
    assert [fix.title for each in safe([finding("1", *kinds)]) for fix in each.fixes] == chosen


@pytest.mark.parametrize(
    ("only", "kinds"),
    [
        (None, {"quickfix", "source.fixAll.codetune"}),
        ([], set()),
        (["quickfix"], {"quickfix"}),
        (["quick"], set()),
        (["source"], {"source.fixAll.codetune"}),
        (["source.fixAll"], {"source.fixAll.codetune"}),
        (["source.fixAll.codetune"], {"source.fixAll.codetune"}),
        (["source.fixAll.other"], set()),
        (["refactor", "quickfix"], {"quickfix"}),
        ([""], {"quickfix", "source.fixAll.codetune"}),
    ],
)
def test_the_kinds_asked_for_are_offered_with_what_lies_below_them(only, kinds):
    assert {offer.kind for offer in menu(finding("1", SAFE), only=only)} == kinds


def test_an_entry_comes_back_as_it_went():
    for offer in menu(finding("1", SAFE, UNSAFE), finding("2", SAFE)):
        assert from_proto.wanted(json.loads(json.dumps(asdict(offer.wanted)))) == offer.wanted


GOOD = asdict(Wanted(Deed.FIX, "file:///a.py", 1, "id"))


@pytest.mark.parametrize(
    "data",
    [
        None,
        7,
        "text",
        [],
        {},
        {**GOOD, "deed": "delete everything"},
        {**GOOD, "uri": 7},
        {**GOOD, "finding": None},
        {**GOOD, "fix": -1},
        {**GOOD, "fix": "0"},
        {**GOOD, "more": 1},
        {key: value for key, value in GOOD.items() if key != "uri"},
    ],
)
def test_what_is_no_entry_is_refused(data):
    with pytest.raises(RequestError):
        from_proto.wanted(data)
