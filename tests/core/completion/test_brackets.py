"""Brackets are counted as the language means them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.completion.brackets import begun_lines, brackets, surplus, unclosed
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


TEXT = st.lists(st.sampled_from(["a", "\n", "(", ")", '"', '"""', "'", "#", "//", "/*", "*/", "`", "\\"]), max_size=12)


@given(TEXT, TEXT, st.sampled_from(["python", "go"]))
def test_the_lines_that_were_begun_suffice_to_read_what_follows(before, text, language):
    before, text = "".join(before), "".join(text)
    begun = begun_lines(before, language)
    skipped = len(before) - len(begun)
    whole = [(offset - skipped, one) for offset, one in brackets(before + text, language) if offset >= len(before)]
    assert [one for one in brackets(begun + text, language) if one[0] >= len(begun)] == whole
