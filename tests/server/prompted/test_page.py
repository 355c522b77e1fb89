"""A page shows an answer, links to the code it is about, and fetches nothing."""

import json

import pytest

from codetune_core.domain.document import Document
from codetune_core.domain.text import Position, Range
from codetune_server.prompted.page import harmless, page
from codetune_server.prompted.place import Place

DOCUMENT = Document("file:///w/a_b.py", "x = 1\ny = 2\nz = 3\ny = 2\n", "python", 1)
PLACE = Place(Range(Position(1, 0), Position(3, 0)), "y = 2\nz = 3\n")


def shown(answer):
    return page("Review", answer if isinstance(answer, str) else json.dumps(answer), DOCUMENT, PLACE, "review, tiny")


def claim(quote, **more):
    return {"quote": quote, "rule": "r", "cwe": "CWE-1", "severity": "low", "message": "m", **more}


def test_a_page_says_what_it_is_about_and_who_answered():
    assert shown("Yes.") == ("# Review\n\n[a\\_b.py, lines 2 to 3](<file:///w/a_b.py#L2>)\n\nYes.\n\n_review, tiny_")


def test_findings_link_to_the_lines_that_they_quote_and_others_are_left_out_and_counted():
    said = shown({"findings": [claim(" z = 3"), claim("y = 2", remedy="a\nb"), claim("x = 1"), claim("")]})
    first = "- [line 2](<file:///w/a_b.py#L2>) (r, CWE-1, low): m\n\n  a\n  b"
    assert f"{first}\n\n- [line 3](<file:///w/a_b.py#L3>) (r, CWE-1, low): m\n\n_2 of the model's claims" in said
    assert "Nothing was found." in shown({"findings": []})


def test_any_other_answer_is_shown_field_by_field():
    said = shown({"answered": True, "answer": "A.", "citations": [{"source": "s", "quote": "z = 3"}], "risks": []})
    assert "A.\n\n**Citations**\n\n- source: s; quote: [line 3](<file:///w/a_b.py#L3>)\n\n_" in said
    assert "risks" not in said.lower()


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("![a](http://b)", "\\![a](http://b)"),
        ("<img src=b>", "&lt;img src=b>"),
        ("a < b", "a < b"),
        ("`<b>` ![", "`<b>` \\!["),
        ("```html\n<b>\n```\n<b>", "```html\n<b>\n```\n&lt;b>"),
        ("``` a`b\n<b>\n", "``` a`b\n&lt;b>\n"),
        ("`a\n\n<b>`", "`a\n\n&lt;b>`"),
        ("\\`<b>`", "\\`&lt;b>`"),
        ("~~~\n<b>", "~~~\n<b>"),
    ],
)
def test_neither_images_nor_html_are_shown_outside_of_code(text, safe):
    assert harmless(text) == safe
