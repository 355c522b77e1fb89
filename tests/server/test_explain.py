"""Explanations as people read them."""

from dataclasses import replace

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.finding import (
    Confidence,
    Finding,
    Rule,
    Severity,
    Standing,
    Step,
    Suppression,
    SuppressionKind,
    Verdict,
)
from codetune_core.domain.fix import Applicability, Fix, Verification
from codetune_core.domain.text import Range
from codetune_server.explain import explain, ignored, plain

RULE = Rule("S1", "A flaw", cwe=(89, 20), explanation="Because.", references=("https://example.org/a(b)",))


def finding(**values):
    place = Range.of(4, 0, 4, 1)
    return Finding(RULE, place, "It breaks.", Severity.HIGH, Confidence.LOW, ("ruff", "calls"), **values)


def test_an_explanation_says_what_why_by_which_path_how_to_fix_and_where_to_read_on():
    held = Verification(parses=True, names_resolve=True, finding_gone=True, nothing_new=True)
    steps = (Step(Range.of(1, 0, 1, 1), "comes in"), Step(Range.of(2, 0, 2, 1), "goes on", "file:///b.py"))
    fixes = (Fix("mend", Applicability.SAFE, (), held, "note"), Fix("think", Applicability.DISPLAY_ONLY))
    text = explain(finding(evidence=steps, fixes=fixes))
    for piece in (
        "### A flaw",
        "`S1` · high severity, low confidence",
        "It breaks.",
        "Because.",
        "1. line 2: comes in",
        "2. [b.py:3](file:///b.py#L3): goes on",
        "- mend (verified: parses, names resolve, finding gone, nothing new)",
        "- think (by hand)",
        "[CWE-89](https://cwe.mitre.org/data/definitions/89.html)",
        "(<https://example.org/a(b)>)",
        "_Found by ruff, calls._",
    ):
        assert piece in text


def test_what_is_not_known_is_not_mentioned():
    text = explain(finding())
    assert "Path" not in text
    assert "How to fix" not in text
    assert "does not parse" not in text
    assert "does not parse" in explain(finding(stale=True))


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("### Title", "Title"),
        ("**Bold** and _slanted_", "Bold and slanted"),
        ("a_name_here and 2*3*4", "a_name_here and 2*3*4"),
        ("[word](https://a.b/c)", "word <https://a.b/c>"),
        ("[word](<https://a.b/c(d)>)", "word <https://a.b/c(d)>"),
        ("`code`", "`code`"),
    ],
)
def test_markdown_is_made_plain_for_those_who_see_it_as_it_is_written(markdown, text):
    assert plain(markdown) == text


def test_ignored_findings_are_listed_with_by_what_and_why():
    document = Document("file:///a.py", "x\n", "python")
    aside = finding(suppression=Suppression(SuppressionKind.COMMENT, "known"))
    unsaid = finding(suppression=Suppression(SuppressionKind.NOSEC))
    text = ignored(document, [aside, unsaid])
    assert "line 5, `S1` (comment: known): It breaks." in text
    assert "(nosec: no reason given)" in text
    assert ignored(document, []).endswith("None.")


def test_the_reason_of_a_comment_in_the_workspace_is_shown_as_text():
    why = Suppression(SuppressionKind.COMMENT, "[x](command:evil) <img>")
    document = Document("file:///a.py", "x\n", "python")
    assert r"\[x\]\(command\:evil\) \<img\>" in ignored(document, [finding(suppression=why)])


VERDICT = Verdict(Standing.DOUBTFUL, "**no** [x](http://e.vil) ![i](y) <b> a_b_c", (Step(Range.of(2, 0, 2, 1), "x"),))


def test_a_models_words_are_text_and_no_markup():
    text = explain(finding(verdict=replace(VERDICT, model="tiny_a*")))
    assert r"**Doubted by tiny\_a\*:** \*\*no\*\* \[x\]\(http\:\/\/e\.vil\) \!\[i\]\(y\) \<b\> a\_b\_c" in text
    assert "On this code:\n\n1. line 3" in text
    assert "Doubted by tiny_a*: **no** [x](http://e.vil) ![i](y) <b> a_b_c" in plain(text)


def test_what_only_a_model_found_is_said_in_its_words_once():
    new = Verdict(Standing.NEW, "*It* breaks.", remedy="Use `x`.\nNow.")
    text = explain(replace(finding(verdict=new), message="*It* breaks.", detectors=("model",)))
    assert text.count(r"\*It\* breaks\.") == 1
    assert r"Its way to mend it: Use \`x\`\. Now\." in text
    assert "**Found by a model**, by no detector." in text
