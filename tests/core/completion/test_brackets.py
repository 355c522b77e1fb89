"""Brackets are counted as the language means them."""

import pytest

from codetune_core.completion.brackets import brackets, surplus, unclosed
from codetune_core.completion.place import Place


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("f(a[0])", "python", "([])"),
        ("'(' \"[\" # (", "python", ""),
        ('"""\n(\n""" (', "python", "("),
        ("'''it's (''' [", "python", "["),
        ('"a\\"(" (', "python", "("),
        ("x = '(\ny = (", "python", "("),
        ("// (\n/* [\n */ {", "go", "{"),
        ("`(\n${x}` (", "javascript", "("),
        ("a // b", "python", ""),
        ("7 // (3", "python", "("),
        ("# (\n", "javascript", "("),
    ],
)
def test_strings_and_comments_hide_brackets(text, language, found):
    assert "".join(bracket for _, bracket in brackets(text, language)) == found


@pytest.mark.parametrize(
    ("text", "open_ones"), [("([", "(["), ("([)", "["), ("())", ""), ("({]}", "("), (")(", "("), ("", "")]
)
def test_what_is_not_closed_stays(text, open_ones):
    assert "".join(bracket for _, bracket in unclosed(text, "python")) == open_ones


@pytest.mark.parametrize(
    ("before", "after", "text", "place_of"),
    [
        ("f(", ")", "a)", 1),
        ("f(", "", "a)", None),
        ("f(", "", "a))", 2),
        ("f(", ")", "g(b))", 4),
        ("f(g(", ")", "a)", None),
        ("x", "", "]", 0),
        ("f(", "", "[a)", 2),
    ],
)
def test_a_text_closes_what_is_open_and_no_more(before, after, text, place_of):
    assert surplus(text, Place("file:///a.py", before, after, "python")) == place_of
