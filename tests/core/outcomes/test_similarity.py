"""How much two pieces of code have in common."""

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.outcomes.similarity import count, distance, layout, share, tokens

_TOKENS = st.lists(st.sampled_from("abcd"), max_size=40).map(tuple)


def longest_common(one, other):
    """By the textbook's table."""
    row = [0] * (len(other) + 1)
    for left in one:
        new = [0]
        for at, right in enumerate(other):
            new.append(row[at] + 1 if left == right else max(row[at + 1], new[-1]))
        row = new
    return row[-1]


@given(_TOKENS, _TOKENS)
def test_the_distance_is_that_of_the_table(one, other):
    assert distance(one, other) == len(one) + len(other) - 2 * longest_common(one, other)


@given(_TOKENS, _TOKENS, _TOKENS)
def test_a_share_lies_between_both_ends(now, without, with_):
    if without == with_:
        return
    assert share(without, without, with_) == 0
    assert share(with_, without, with_) == 1
    assert 0 <= share(now, without, with_) <= 1


@given(_TOKENS.filter(bool), _TOKENS)
def test_of_what_is_only_added_it_is_the_share_that_is_there(added, now):
    assert share(now, (), added) == pytest.approx(longest_common(now, added) / len(added))


def test_layout_and_quotes_are_no_tokens():
    assert tokens(['f( "x" )\n']) == tokens(["f(\n", "  'x'\n", ")"])
    assert layout(["a  b\r\n"]) == layout(["a  b\n"]) != layout(["a b\n"])


def test_a_part_is_counted_without_gaps():
    assert count(("a", "a"), ("a", "a", "b", "a", "a")) == 2
    assert count(("ab",), ("a", "b")) == 0
    assert count((), ("a",)) == 0


def test_a_function_of_thousands_of_tokens_is_compared_like_a_short_one():
    one = tuple(difflib.IS_LINE_JUNK.__doc__.split()) * 200
    assert distance(one, (*one[:100], "new", *one[100:])) == 1
