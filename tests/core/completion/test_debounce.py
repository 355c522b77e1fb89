"""How long to wait before asking follows the rhythm of typing and the time that answers take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.completion.debounce import LONGEST, SHORTEST, Debounce


def after(interval, latency, strokes=60):
    debounce = Debounce()
    for number in range(strokes):
        debounce.typed(number * interval)
        debounce.answered(latency)
    return debounce


def test_who_types_slowly_is_waited_for_longer():
    assert after(0.1, 0.3).delay() < after(0.2, 0.3).delay() < after(0.4, 0.3).delay()


def test_an_answer_that_takes_long_is_asked_for_earlier():
    assert after(0.3, 1.2).delay() < after(0.3, 0.2).delay()


def test_who_deletes_is_waited_for_longer():
    assert after(0.25, 0.3).delay(deleting=True) > after(0.25, 0.3).delay()


def test_the_wait_is_never_shorter_than_the_usual_time_between_two_keystrokes():
    assert after(0.3, 30).delay() == pytest.approx(0.3, rel=1e-3)


def test_pauses_do_not_count_as_rhythm():
    debounce = after(0.2, 0.3)
    known = debounce.interval
    debounce.typed(1000)
    assert debounce.interval == known


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(-1, 1e4))), st.booleans())
def test_the_wait_stays_within_its_bounds(strokes, deleting):
    debounce, now = Debounce(), 0.0
    for passed, latency in strokes:
        now += passed
        debounce.typed(now)
        debounce.answered(latency)
        assert SHORTEST <= debounce.delay(deleting=deleting) <= LONGEST
