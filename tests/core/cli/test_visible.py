"""Text that is safe to print, cut to a width."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from codetune_core.cli.formats.changes import changes
from codetune_core.cli.formats.visible import cropped, visible
from codetune_core.domain.document import Document
from codetune_core.domain.text import Edit, Range


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""), ("plain é 日本 😀", "plain é 日本 😀"), ("\tx", "    x"), ("ab\tx", "ab  x"), ("日\tx", "日  x"),
        ("abcd\tx", "abcd    x"), ("\x1b[0m", "␛[0m"), ("\x00\x07", "␀␇"), ("\x7f", "<7F>"), ("\x9b", "<9B>"),
        ("a\u202eb", "a<U+202E>b"), ("\u2067", "<U+2067>"), ("\u200b", "<U+200B>"), ("\ufeff", "<U+FEFF>"),
        ("\u2028", "<U+2028>"), ("👩\u200d👧", "👩\u200d👧"), ("\ud800", "\ufffd"), ("\r\n", "␍␊"),
    ],
)  # fmt: skip
def test_what_cannot_be_seen_is_spelt_out(text, shown):
    assert visible(text) == shown


@pytest.mark.parametrize(
    ("code", "start", "end", "width", "expected"),
    [
        ("short", 0, 5, 10, ("short", 0, 5)),
        ("0123456789", 2, 4, 10, ("0123456789", 2, 4)),
        ("0123456789abcdef", 2, 4, 10, ("012345678…", 2, 4)),
        ("0123456789abcdef", 12, 14, 10, ("…9abcdef", 4, 6)),
        ("0123456789abcdef", 0, 16, 10, ("012345678…", 0, 10)),
    ],
)
def test_a_line_is_cut_around_what_is_marked(code, start, end, width, expected):
    assert cropped(code, start, end, width) == expected


@given(st.text(st.sampled_from("ab日😀"), max_size=60), st.integers(0, 60), st.integers(1, 60), st.integers(20, 40))
def test_a_cut_line_fits_and_its_mark_begins_inside(code, start, length, width):
    start = min(start, max(0, cell_len(code) - 1))
    end = min(start + length, cell_len(code))
    cut, first, after = cropped(code, start, max(end, start + 1), width)
    assert cell_len(cut) <= width
    assert 0 <= first < width
    assert first <= after <= width


def lines(text: str, *edits: Edit) -> list[str]:
    return [f"{change.number}{change.sign}{change.text}" for change in changes(Document("", text, ""), edits)]


@pytest.mark.parametrize(
    ("text", "edits", "expected"),
    [
        ("a\nb\nc\n", [Edit(Range.of(1, 0, 1, 1), "B")], ["2-b", "2+B"]),
        ("a\nb\n", [Edit(Range.of(0, 0, 0, 0), "new\n")], ["1+new"]),
        ("a\r\nb\r\n", [Edit(Range.of(0, 0, 0, 1), "A")], ["1-a", "1+A"]),
        ("a\nb\n", [Edit(Range.of(1, 0, 2, 0), "")], ["2-b"]),
        ("a", [Edit(Range.of(0, 1, 0, 1), "b")], ["1-a", "1+ab"]),
        ("a\nb\nc\n", [Edit(Range.of(2, 0, 2, 1), "C"), Edit(Range.of(0, 0, 0, 1), "A")], ["1-a", "1+A", "3-c", "3+C"]),
        ("f(a, b)\n", [Edit(Range.of(0, 2, 0, 3), "x"), Edit(Range.of(0, 5, 0, 6), "y")], ["1-f(a, b)", "1+f(x, y)"]),
        ("a\n\nb\n", [Edit(Range.of(1, 0, 1, 0), "new\n")], ["2+new"]),
        ("f(\n  a,\n)\n", [Edit(Range.of(0, 0, 2, 1), "f(a)")], ["1-f(", "2-  a,", "3-)", "1+f(a)"]),
        ("a\n", [], []),
    ],
)
def test_the_lines_that_an_edit_changes(text, edits, expected):
    assert lines(text, *edits) == expected
