"""Positions, lines and the three encodings, checked against Python's own codecs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.domain.text import Encoding, Position, Range, from_units, line_starts, split_lines, to_units

TEXT = st.text(st.sampled_from("ab \t\r\n\f\v\x1c\x85\u2028é😀\u0301"), max_size=40)
LINE = st.text(st.sampled_from("ab \té😀\u0301\u2028"), max_size=20)
BYTES_OF_UNIT = {Encoding.UTF8: 1, Encoding.UTF16: 2, Encoding.UTF32: 4}
CODEC = {Encoding.UTF8: "utf-8", Encoding.UTF16: "utf-16-le", Encoding.UTF32: "utf-32-le"}


def units(text: str, encoding: Encoding) -> int:
    return len(text.encode(CODEC[encoding])) // BYTES_OF_UNIT[encoding]


@given(TEXT)
def test_lines_joined_are_the_text(text):
    assert "".join(split_lines(text)) == text


@given(TEXT)
def test_there_is_one_line_more_than_line_ends(text):
    ends = text.replace("\r\n", "\n").replace("\r", "\n").count("\n")
    assert len(split_lines(text)) == ends + 1


@pytest.mark.parametrize("character", ["\f", "\v", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_what_python_calls_a_line_end_is_an_ordinary_character(character):
    assert split_lines(f"a{character}b\nc") == [f"a{character}b\n", "c"]


@given(TEXT)
def test_the_last_start_is_the_length(text):
    assert line_starts(split_lines(text))[-1] == len(text)


@given(LINE, st.integers(0, 20), st.sampled_from(Encoding))
def test_columns_become_the_units_that_the_codec_counts(line, column, encoding):
    assert to_units(line, column, encoding) == units(line[:column], encoding)


@given(LINE, st.integers(0, 20), st.sampled_from(Encoding))
def test_units_become_the_column_they_came_from(line, column, encoding):
    column = min(column, len(line))
    assert from_units(line, to_units(line, column, encoding), encoding) == column


@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("line", ["abc\n", "abc\r\n", "abc", "aé😀\r"])
def test_units_past_the_line_end_mean_the_place_before_it(line, encoding):
    assert from_units(line, 10_000, encoding) == len(line.rstrip("\r\n"))


@pytest.mark.parametrize(("encoding", "inside"), [(Encoding.UTF8, [2, 3, 4]), (Encoding.UTF16, [2])])
def test_units_inside_a_character_mean_the_place_before_it(encoding, inside):
    assert {from_units("a😀b", unit, encoding) for unit in inside} == {1}


@pytest.mark.parametrize("encoding", Encoding)
def test_negative_units_mean_the_start(encoding):
    assert from_units("é", -3, encoding) == 0


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ((0, 0, 0, 3), (0, 2, 0, 5), True),
        ((0, 0, 0, 3), (0, 3, 0, 5), False),
        ((0, 0, 2, 0), (1, 0, 1, 1), True),
        ((0, 3, 0, 3), (0, 0, 0, 3), True),
        ((0, 3, 0, 3), (0, 3, 0, 3), True),
        ((0, 4, 0, 4), (0, 0, 0, 3), False),
    ],
)
def test_ranges_overlap_where_they_share_a_character_or_an_empty_one_touches(one, other, shared):
    assert Range.of(*one).overlaps(Range.of(*other)) is shared
    assert Range.of(*other).overlaps(Range.of(*one)) is shared


def test_a_range_contains_itself_and_not_what_sticks_out():
    whole = Range.of(0, 0, 5, 0)
    assert whole.contains(whole)
    assert not whole.contains(Range(Position(4, 0), Position(5, 1)))
