"""The circuit breaker, against a simple model of it and in its single steps."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from codetune_core.engines.fallback.breaker import Breaker, Limits, State

LIMITS = Limits(consecutive=3, window=6, least=4, rate=0.5, first_delay=10, longest_delay=40)


class Against(RuleBasedStateMachine):
    """The breaker does what a plain list of results says, whatever requests do and in whichever order they end."""

    permits = Bundle("permits")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = Breaker(LIMITS, lambda: self.now, lambda: 1.0)
        self.results: list[bool] = []
        self.openings = 0
        self.open_until: float | None = None
        self.turns = 0
        self.probe: int | None = None
        self.number = 0

    @property
    def expected(self) -> State:
        if self.open_until is None:
            return State.CLOSED
        return State.OPEN if self.now < self.open_until else State.HALF_OPEN

    @rule(target=permits)
    def asks(self):
        permit = self.breaker.admit()
        may = self.expected is State.CLOSED or (self.expected is State.HALF_OPEN and self.probe is None)
        assert (permit is not None) == may
        self.number += 1
        if permit and self.expected is State.HALF_OPEN:
            self.probe = self.number
        return permit, self.turns, self.number

    @rule(held=consumes(permits))
    def answers(self, held):
        permit, turn, _ = held
        if permit is None:
            return
        with permit:
            permit.succeeded()
        if turn != self.turns:
            return
        if self.open_until is None:
            self.results.append(True)
        else:
            self.turned(None, 0)
            self.results = [True]

    @rule(held=consumes(permits), retry_after=st.sampled_from([None, 1.0, 100.0]))
    def fails(self, held, retry_after):
        permit, turn, _ = held
        if permit is None:
            return
        with permit:
            permit.failed("no", retry_after)
        if turn != self.turns:
            return
        self.results.append(False)
        recent = self.results[-LIMITS.window :]
        in_a_row = self.results[-LIMITS.consecutive :] == [False] * LIMITS.consecutive
        often = len(recent) >= LIMITS.least and recent.count(False) * 2 >= len(recent)
        if self.open_until is not None or in_a_row or often:
            delay = max(retry_after or 0, min(LIMITS.longest_delay, LIMITS.first_delay * 2**self.openings))
            self.turned(self.now + delay, self.openings + 1)

    @rule(held=consumes(permits))
    def is_cancelled(self, held):
        permit, turn, _ = held
        if permit is None:
            return
        with permit:
            pass
        if turn == self.turns:
            self.probe = None

    @rule(seconds=st.sampled_from([1.0, 10.0, 50.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @invariant()
    def stands_as_expected(self):
        assert self.breaker.state is self.expected
        left = 0 if self.open_until is None else max(0, self.open_until - self.now)
        assert self.breaker.seconds_open == left

    def turned(self, open_until, openings):
        self.open_until, self.openings = open_until, openings
        self.turns += 1
        self.probe = None
        self.results = []


TestBreaker = Against.TestCase


@pytest.mark.parametrize("drawn", [0.0, 0.5, 1.0])
def test_the_time_it_stays_open_doubles_and_is_drawn_from_its_upper_half(drawn):
    now = [0.0]
    breaker = Breaker(Limits(consecutive=1, first_delay=10, longest_delay=40), lambda: now[0], lambda: drawn)
    seen = []
    for _ in range(4):
        with breaker.admit() as permit:
            permit.failed("no")
        seen.append(breaker.seconds_open)
        now[0] += breaker.seconds_open
    assert seen == [length * (1 + drawn) / 2 for length in (10, 20, 40, 40)]


def test_a_failure_after_a_success_of_the_same_request_counts():
    breaker = Breaker(Limits(consecutive=1))
    with breaker.admit() as permit:
        permit.succeeded()
        permit.failed("half an answer")
    assert (breaker.state, breaker.last_error) == (State.OPEN, "half an answer")


def test_a_trial_that_answers_and_then_breaks_off_opens_it_again():
    now = [0.0]
    breaker = Breaker(Limits(consecutive=1, first_delay=1), lambda: now[0], lambda: 1.0)
    with breaker.admit() as permit:
        permit.failed("no")
    now[0] += 1
    with breaker.admit() as permit:
        permit.succeeded()
        assert breaker.state is State.CLOSED
        permit.failed("half an answer")
    assert breaker.state is State.OPEN
