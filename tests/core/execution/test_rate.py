"""A sliding window that is estimated from two fixed ones: what counts, and when there is room again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.execution.rate import WINDOW_SECONDS, Counts, Moment


@pytest.mark.parametrize(
    ("seconds", "moment"),
    [(0, Moment(0, 0)), (59, Moment(0, 59 / 60)), (60, Moment(1, 0)), (150, Moment(2, 0.5))],
)
def test_windows_are_numbered_since_1970(seconds, moment):
    assert Moment.at(seconds) == moment


@pytest.mark.parametrize(
    ("counts", "elapsed", "used"),
    [
        (Counts(), 0.5, 0),
        (Counts(4, 0), 0.1, 4),
        (Counts(0, 8), 0, 8),
        (Counts(0, 8), 0.25, 6),
        (Counts(3, 8), 0.5, 7),
    ],
)
def test_of_the_window_before_counts_what_the_sliding_one_covers(counts, elapsed, used):
    assert counts.used(elapsed) == used


@pytest.mark.parametrize(
    ("counts", "limit", "elapsed", "seconds"),
    [
        (Counts(), 1, 0, 0),
        (Counts(9, 0), 10, 0.5, 0),
        (Counts(0, 10), 10, 0, 6),
        (Counts(5, 10), 10, 0.5, 6),
        (Counts(9, 10), 10, 0.5, 30),
        (Counts(10, 0), 10, 0.5, 36),
        (Counts(1, 0), 1, 0, 120),
    ],
)
def test_it_says_when_one_more_is_let_in(counts, limit, elapsed, seconds):
    assert counts.seconds_until_room(limit, elapsed) == pytest.approx(seconds)


@given(
    limit=st.integers(1, 100),
    counts=st.builds(Counts, st.integers(0, 100), st.integers(0, 100)),
    elapsed=st.floats(0, 0.999),
)
def test_then_and_not_much_earlier_there_is_room(limit, counts, elapsed):
    counts = Counts(min(counts.current, limit), min(counts.previous, limit))
    wait = counts.seconds_until_room(limit, elapsed)

    def room(after):
        share = elapsed + after / WINDOW_SECONDS
        later = counts
        while share >= 1:
            later, share = Counts(0, later.current), share - 1
        return later.used(share) + 1 <= limit

    assert room(wait + 1e-6)
    assert wait == 0 or not room(wait * 0.999 - 1e-6)
