"""Cursors: a place that is written is read again, and nothing else is."""

import string
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from codetune_remote.cursors import Cursors, Number, split
from codetune_remote.problems import Refusal

NAMES = Cursors(tuple[str, UUID])
NUMBERS = Cursors(Number)


@given(some.text(), some.uuids())
def test_a_place_is_read_as_it_was_written_and_fits_an_address(name, identifier):
    written = NAMES.written((name, identifier))
    assert set(written) <= set(string.ascii_letters + string.digits + "-_")
    assert NAMES.read(written) == (name, identifier)


@given(some.text(min_size=1))
def test_what_was_not_written_is_refused(text):
    with pytest.raises(Refusal) as refused:
        NAMES.read(text)
    assert refused.value.status == 422


@pytest.mark.parametrize("number", [-1, 2**53, 1.5])
def test_a_place_beyond_the_list_is_refused(number):
    with pytest.raises(Refusal):
        NUMBERS.read(Cursors(float | int).written(number))


def test_without_a_cursor_a_list_begins_at_its_beginning():
    assert NUMBERS.read("") is None


@pytest.mark.parametrize(
    ("found", "expected"), [([1], ([1], None)), ([1, 2], ([1, 2], None)), ([1, 2, 3], ([1, 2], 2))]
)
def test_what_is_one_too_many_tells_that_more_follows(found, expected):
    assert split(found, 2) == expected
