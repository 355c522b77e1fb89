"""Fixes are shown only when they hold on a copy of the text, and many are applied at once."""

import asyncio
import logging
from collections import Counter
from dataclasses import replace

import pytest

from codetune_core.bootstrap.workbench import Workbench
from codetune_core.detectors.protocol import Pace
from codetune_core.domain.check import Check
from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity
from codetune_core.domain.fix import Applicability, Fix, Verification
from codetune_core.domain.text import Edit, Range
from codetune_core.errors import DetectorError
from codetune_core.fixer import Fixer, _apart
from codetune_core.fixes import registry
from codetune_core.fixes.registry import Proposal
from codetune_core.fixes.verify import State, compare
from codetune_core.settings import Settings


class Marks:
    """A detector for tests: every ``!`` is a finding of the rule named by the letter behind it, ``?`` an unknown name.

    A text with ``(`` in it does not parse; one with ``#`` makes the detector fail.
    """

    def __init__(self):
        self.looked = 0

    async def findings(self, document, also=()):
        self.looked += 1
        await asyncio.sleep(0)
        if "#" in document.text:
            raise DetectorError("cannot look at this")
        text = document.text
        places = [(index, text[index + 1]) for index, letter in enumerate(text) if letter == "!"]
        return tuple(mark(document, index, rule) for index, rule in places)

    async def check(self, document):
        names = [text for text in document.text.split() if text.startswith("?")]
        return Check("(" not in document.text, tuple(names))


def mark(document, index, rule, *, stale=False):
    place = Range(document.position(index), document.position(index + 2))
    medium = Severity.MEDIUM, Confidence.MEDIUM
    return Finding(Rule(f"T{rule}", "t"), place, "", *medium, ("marks",), id=f"{index}", stale=stale)


def python(text):
    return Document("untitled:x", text, "python")


@pytest.fixture
def marks():
    return Marks()


@pytest.fixture
def fixer(marks):
    return Fixer(marks, marks)


@pytest.fixture
def rule():
    """Register a fix rule for the findings ``Ta``, for one test."""
    registry.fixable()
    known = dict(registry._BY_RULE)

    def register(proposals):
        registry.fixes("Ta")(proposals)

    yield register
    registry._BY_RULE.clear()
    registry._BY_RULE.update(known)


def replacing(new, title="t", applicability=Applicability.SAFE):
    return lambda site: [Proposal(title, applicability, (Edit(site.finding.range, new),))]


class Stand:
    """What the rules of these tests need of a site."""

    def __init__(self, document, finding):
        self.document, self.finding = document, finding


@pytest.fixture
def anywhere(monkeypatch):
    monkeypatch.setattr("codetune_core.fixes.site.locate", Stand)


async def fixes_of(fixer, text, rule_id="a"):
    document = python(text)
    found = mark(document, text.index("!"), rule_id)
    return (await fixer.with_fixes(document, [found]))[0].fixes


@pytest.mark.parametrize(
    ("new", "shown"),
    [
        ("ok", True),
        ("!a", False),
        ("!b", False),
        ("?new", False),
        ("(", False),
        ("#", False),
        ("x !a", False),
        ("x !c", False),
    ],
)
@pytest.mark.usefixtures("anywhere")
async def test_a_fix_is_shown_only_when_every_check_holds(fixer, rule, new, shown):
    rule(replacing(new))
    assert bool(await fixes_of(fixer, "x = !a ?old")) is shown


@pytest.mark.usefixtures("anywhere")
async def test_the_title_says_what_was_verified(fixer, rule):
    rule(replacing("ok", "bind the value"))
    (fix,) = await fixes_of(fixer, "!a")
    assert fix.label == "Fix: bind the value (parses, names resolve, finding gone, nothing new)"


@pytest.mark.usefixtures("anywhere")
async def test_a_display_only_proposal_is_shown_as_it_is(fixer, rule):
    rule(lambda site: [Proposal("think", Applicability.DISPLAY_ONLY, note="why")])
    (fix,) = await fixes_of(fixer, "!a")
    assert (fix.label, fix.note, fix.edits) == ("How to fix: think", "why", ())


@pytest.mark.usefixtures("anywhere")
async def test_proposals_keep_their_order_and_those_that_fail_are_left_out(fixer, rule):
    titles = {"one": "1", "broken": "(", "two": "2"}
    rule(lambda site: [proposal for title, new in titles.items() for proposal in replacing(new, title)(site)])
    assert [fix.title for fix in await fixes_of(fixer, "!a")] == ["one", "two"]


@pytest.mark.usefixtures("anywhere")
async def test_a_rule_that_crashes_loses_only_its_own_proposals(fixer, rule, caplog):
    def crash(_site):
        raise KeyError("secret text of the document")

    rule(crash)
    rule(replacing("ok", "held"))
    with caplog.at_level(logging.WARNING):
        assert [fix.title for fix in await fixes_of(fixer, "!a")] == ["held"]
    assert "KeyError" in caplog.text
    assert "secret text" not in caplog.text


@pytest.mark.usefixtures("anywhere")
async def test_overlapping_edits_of_one_proposal_are_not_shown(fixer, rule):
    rule(
        lambda site: [
            Proposal("t", Applicability.SAFE, (Edit(Range.of(0, 0, 0, 2), "x"), Edit(Range.of(0, 1, 0, 2), "y")))
        ]
    )
    assert await fixes_of(fixer, "!a") == ()


@pytest.mark.usefixtures("anywhere")
@pytest.mark.parametrize("language", ["ruby", "plaintext"])
async def test_only_python_gets_rule_fixes(fixer, rule, marks, language):
    rule(replacing("ok"))
    document = Document("untitled:x", "!a", language)
    assert (await fixer.with_fixes(document, [mark(document, 0, "a")]))[0].fixes == ()
    assert marks.looked == 0


@pytest.mark.usefixtures("anywhere")
async def test_stale_findings_and_unknown_rules_get_no_fix(fixer, rule, marks):
    rule(replacing("ok"))
    document = python("!a !z")
    stale, unknown = mark(document, 0, "a", stale=True), mark(document, 3, "z")
    assert await fixer.with_fixes(document, [stale, unknown]) == (stale, unknown)
    assert marks.looked == 0


@pytest.mark.usefixtures("anywhere")
@pytest.mark.parametrize("bad", [[], [0], [2, 9], list(range(10))])
async def test_many_fixes_of_one_kind_are_verified_together_and_bad_ones_left_out(fixer, rule, marks, bad):
    rule(lambda site: replacing("(" if site.finding.range.start.column // 3 in bad else "ok")(site))
    document = python("!a " * 10)
    findings = await fixer.with_fixes(document, [mark(document, 3 * index, "a") for index in range(10)])
    assert [index for index, found in enumerate(findings) if not found.fixes] == bad
    assert all(fix.verification.passed for found in findings for fix in found.fixes)
    assert bad or marks.looked == 2


@pytest.mark.usefixtures("anywhere")
async def test_fixes_of_one_kind_in_the_same_place_are_verified_one_by_one(fixer, rule, marks):
    rule(
        lambda site: [
            Proposal("t", Applicability.SAFE, (Edit(Range.of(0, 0, 0, 8), "ok" * site.finding.range.start.column),))
        ]
    )
    document = python("!a!a!a!a")
    findings = await fixer.with_fixes(document, [mark(document, 2 * index, "a") for index in range(4)])
    assert [len(found.fixes) for found in findings] == [1, 1, 1, 1]


@pytest.mark.usefixtures("anywhere")
async def test_findings_stay_when_the_detectors_cannot_answer(fixer, rule):
    rule(replacing("ok"))
    document = python("!a #")
    found = mark(document, 0, "a")
    assert await fixer.with_fixes(document, [found]) == (found,)
    assert (await fixer.fix_all(document, [with_fix(found, "ok")])).fixed == ()


def with_fix(finding, new, place=None, applicability=Applicability.SAFE):
    verified = Verification(parses=True, names_resolve=True, finding_gone=True, nothing_new=True)
    return replace(finding, fixes=(Fix("t", applicability, (Edit(place or finding.range, new),), verified),))


async def test_fixes_that_hold_together_are_applied_together(fixer, marks):
    document = python("!a !a !b")
    findings = [with_fix(mark(document, index, rule), "ok") for index, rule in ((0, "a"), (3, "a"), (6, "b"))]
    fixed = await fixer.fix_all(document, findings)
    assert document.edited(fixed.edits).text == "ok ok ok"
    assert fixed.fixed == ("0", "3", "6")
    assert marks.looked == 2


async def test_nothing_to_fix_asks_no_detector(fixer, marks):
    document = python("!a")
    shown = with_fix(mark(document, 0, "a"), "x", applicability=Applicability.DISPLAY_ONLY)
    assert (await fixer.fix_all(document, [mark(document, 0, "a"), shown])).edits == ()
    assert marks.looked == 0


async def test_equal_edits_are_applied_once_and_overlapping_ones_declined(fixer):
    document = python("!a!a")
    whole = Range.of(0, 0, 0, 4)
    first, second = mark(document, 0, "a"), mark(document, 2, "a")
    same = await fixer.fix_all(document, [with_fix(first, "ok", whole), with_fix(second, "ok", whole)])
    assert document.edited(same.edits).text == "ok"
    assert len(same.fixed) == 2
    other = await fixer.fix_all(document, [with_fix(first, "ok"), with_fix(second, "no", whole)])
    assert (document.edited(other.edits).text, other.fixed) == ("ok!a", ("0",))


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ((0, 4), (4, 8), True), ((0, 4), (3, 8), False), ((3, 8), (0, 4), False), ((0, 8), (3, 4), False),
        ((3, 4), (0, 8), False), ((0, 0), (0, 4), True), ((0, 4), (0, 0), True), ((0, 4), (4, 4), True),
        ((4, 4), (0, 4), True), ((0, 4), (2, 2), False), ((2, 2), (0, 4), False), ((2, 2), (2, 2), True),
        ((0, 4), (0, 8), False), ((0, 8), (0, 4), False),
    ],
)  # fmt: skip
async def test_edits_go_together_when_they_share_no_character(fixer, first, second, together):
    document = python("!aab!aab")
    findings = [mark(document, 0, "a"), mark(document, 4, "a")]
    places = [Range.of(0, first[0], 0, first[1]), Range.of(0, second[0], 0, second[1])]
    fixes = [with_fix(found, new, place) for found, new, place in zip(findings, "xy", places, strict=True)]
    assert [fix.id for fix, _ in _apart((found, found.fixes[0]) for found in fixes)] == (
        ["0", "4"] if together else ["0"]
    )


@pytest.mark.parametrize("bad", [[0], [199], [100], [0, 199], [3, 77, 150], list(range(0, 200, 50))])
async def test_a_few_bad_fixes_among_many_are_found_by_halving(fixer, marks, bad):
    document = python("!a " * 200)
    findings = [with_fix(mark(document, 3 * n, "a"), "(" if n in bad else "ok") for n in range(200)]
    fixed = await fixer.fix_all(document, findings)
    left = document.edited(fixed.edits).text.split()
    assert [index for index, text in enumerate(left) if text == "!a"] == bad
    assert len(fixed.fixed) == 200 - len(bad)
    assert marks.looked <= 2 + 18 * len(bad)


def state(rules="", names="", *, parses=True):
    return State(Check(parses, tuple(names.split())), Counter(rules.split()))


FOUND = mark(python("!a"), 0, "a")


@pytest.mark.parametrize(
    ("before", "after", "removed", "words"),
    [
        (state("Ta"), state(), 1, "parses, names resolve, finding gone, nothing new"),
        (state("Ta"), state("Ta"), 1, "parses, names resolve, nothing new"),
        (state("Ta Ta"), state("Ta"), 1, "parses, names resolve, finding gone, nothing new"),
        (state("Ta Ta"), state("Ta"), 2, "parses, names resolve, nothing new"),
        (state("Ta"), state("Tb"), 1, "parses, names resolve, finding gone"),
        (state("Ta Tb"), state("Tb"), 1, "parses, names resolve, finding gone, nothing new"),
        (state("Ta Tb"), state("Tb Tb"), 1, "parses, names resolve, finding gone"),
        (state("Ta"), state(names="x"), 1, "parses, finding gone, nothing new"),
        (state("Ta", "x"), state(names="x"), 1, "parses, names resolve, finding gone, nothing new"),
        (state("Ta", "x"), state(names="x x"), 1, "parses, finding gone, nothing new"),
        (state("Ta"), state(parses=False), 1, ""),
        (state(), state(), 1, "parses, names resolve, nothing new"),
    ],
)
def test_verification_counts_findings_and_names_over_the_whole_text(before, after, removed, words):
    assert compare(before, after, [FOUND] * removed).describe() == words


PAGE = """\
import hashlib
import random
import requests
import tempfile
import yaml


def token():
    return ''.join(random.choice('abc') for _ in range(20)), yaml.load(open('x'))


class Page:
    def get(self, url):
        return requests.get(url, verify=False)

    def key(self):
        return hashlib.md5(b'')
"""


async def reviewed(workbench, document):
    async for last in workbench.review(document, "x.py", Pace.LIVE, with_fixes=True):
        review = last
    return review.findings


async def test_a_real_page_is_fixed_at_once_with_its_imports():
    workbench = Workbench(Settings())
    document = python(PAGE)
    findings = await reviewed(workbench, document)
    fixed = await workbench.fix_all(document, findings)
    text = document.edited(fixed.edits).text
    left = await reviewed(workbench, python(text))
    await workbench.aclose()
    assert text == PAGE.replace("random.choice", "secrets.choice").replace(
        "import requests", "import secrets\nimport requests"
    ).replace("yaml.load", "yaml.safe_load").replace("url, verify=False", "url, timeout=10").replace("md5", "sha256")
    assert {finding.rule.id for finding in left} == set()


async def test_two_hundred_findings_are_fixed_in_a_few_looks():
    workbench = Workbench(Settings())
    document = python("import random\n\n\ndef token():\n" + "    x = random.choice([1])\n" * 200)
    findings = await reviewed(workbench, document)
    fixed = await workbench.fix_all(document, findings)
    await workbench.aclose()
    assert len(fixed.fixed) == 200
    text = document.edited(fixed.edits).text
    assert text == document.text.replace("random.choice", "secrets.choice").replace(
        "import random\n", "import random\nimport secrets\n"
    )
