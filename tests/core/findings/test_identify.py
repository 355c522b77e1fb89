"""An id stays with its flaw while everything else about the file changes."""

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.finding import Confidence, Finding, Rule, Severity
from codetune_core.domain.text import Range
from codetune_core.findings.identify import identify

RULE = Rule("S307", "a flaw")
FLAW = "eval(x)"


def ids(
    text: str, *, uri: str = "file:///a.py", language: str = "python", rules: tuple[Rule, ...] = (RULE,)
) -> list[str]:
    """Ids of a claim about every place where FLAW stands."""
    document = Document(uri, text, language)
    findings = [
        _at(rule, document, offset) for rule in rules for offset in range(len(text)) if text.startswith(FLAW, offset)
    ]
    return [finding.id for finding in identify(document, findings)]


def _at(rule: Rule, document: Document, offset: int) -> Finding:
    place = Range(document.position(offset), document.position(offset + len(FLAW)))
    return Finding(rule, place, "m", Severity.LOW, Confidence.LOW, ("d",))


BEFORE = "def f(x):\n    y = eval(x)\n    return y\n"


@pytest.mark.parametrize(
    "after",
    [
        "import os\n\n\n" + BEFORE,
        "def g():\n    return eval(x)\n\n" + BEFORE,
        BEFORE + "\ny = eval(x)\n",
        BEFORE.replace("return y", "return   (  y )"),
        BEFORE.replace("    y", "\ty"),
        BEFORE.replace("y = eval", "y   =   eval"),
        BEFORE.replace("eval(x)\n", "eval(x)  # why\n"),
        BEFORE.replace("\n", "\r\n"),
        BEFORE.replace("def f(x)", "async def f(x, z=1)"),
        "@deco\n" + BEFORE,
        "# 😀\n" + BEFORE,
    ],
)
def test_an_id_survives_edits_elsewhere(after):
    assert ids(BEFORE)[0] in ids(after)


def test_an_id_survives_the_renaming_of_the_file():
    assert ids(BEFORE) == ids(BEFORE, uri="file:///other/b.py")


@pytest.mark.parametrize(
    "other",
    [
        BEFORE.replace("y = eval(x)", "y = eval(x) + 1"),
        BEFORE.replace("def f", "def g"),
        "y = eval(x)\n",
    ],
)
def test_another_flaw_has_another_id(other):
    assert set(ids(BEFORE)).isdisjoint(ids(other))


def test_equal_lines_in_one_function_are_told_apart_by_their_order():
    both = ids("def f(x):\n    eval(x)\n    eval(x)\n")
    assert len(set(both)) == 2
    assert ids("def f(x):\n    eval(x)\n") == both[:1]


def test_equal_lines_in_two_functions_do_not_disturb_each_other():
    two = "def f(x):\n    eval(x)\n\ndef g(x):\n    eval(x)\n"
    assert ids(two)[1] == ids("def g(x):\n    eval(x)\n")[0]


def test_two_rules_about_one_place_have_two_ids():
    assert len(set(ids(BEFORE, rules=(RULE, Rule("S999", "a flaw"))))) == 2


def test_findings_come_in_the_order_of_the_text_with_their_symbol():
    document = Document("file:///a.py", BEFORE + "z = eval(x)\n", "python")
    found = identify(
        document, [_at(RULE, document, document.text.rindex(FLAW)), _at(RULE, document, document.text.index(FLAW))]
    )
    assert [finding.symbol for finding in found] == ["f", ""]


def test_other_languages_are_identified_by_their_lines():
    assert ids("a = eval(x)\n", language="javascript") == ids("\n\n  a =  eval(x)\n", language="javascript")


def test_a_lone_surrogate_does_not_disturb():
    assert len(ids("y = eval(x), '\ud800'\n")) == 1
