"""One status comes of all that is known, the most pressing first, and is told only where it changes."""

import pytest

from codetune_core.domain.execution import Role
from codetune_server.status.board import Board
from codetune_server.status.state import State, Status, about

MODELS = {Role.REVIEW: "one", Role.GENERATION: "two", Role.COMPLETION: "one"}
LOADING = Status(State.LOADING, "one is being loaded, about 9 s", "one", 9.0)
WAKING = Status(State.WAKING, "the Space wakes up, about 30 s", seconds=30.0)
SPENT = Status(State.OVER_BUDGET, "nothing is left of the day's budget")
LOST = Status(State.OFFLINE, "the daemon is gone")


@pytest.fixture
def told():
    return []


@pytest.fixture
def board(told):
    board = Board()
    board.announce = lambda status, is_news: told.append((status.state, is_news))
    return board


def test_nothing_is_said_as_long_as_nothing_is_known(board, told):
    board.loading(None)
    board.answered()
    assert (board.present, told) == (None, [])


def test_who_answers_is_named_and_a_team_s_choice_is_not_guessed(board):
    board.answering(MODELS)
    assert board.present == Status(State.READY, "one and two can be asked", "one")
    board.answering(dict.fromkeys(Role, ""), "no prompt has a tag editor:")
    assert board.present.text == "the service of your team can be asked; no prompt has a tag editor:"


def test_the_most_pressing_is_told_and_what_is_below_comes_back(board, told):
    board.answering(MODELS)
    board.failed(SPENT)
    board.loading(LOADING)
    board.waiting("a", WAKING)
    board.waiting("a", None)
    board.loading(None)
    board.answered()
    wanted = [State.READY, State.OVER_BUDGET, State.LOADING, State.WAKING, State.LOADING]
    assert [state for state, _ in told] == [*wanted, State.OVER_BUDGET, State.READY]


def test_another_estimate_is_told_and_is_no_news(board, told):
    board.loading(LOADING)
    board.loading(LOADING)
    board.loading(Status(State.LOADING, "one is being loaded, about 8 s", "one", 8.0))
    assert told == [(State.LOADING, True), (State.LOADING, False)]


def test_of_two_that_wait_the_later_one_is_told_until_it_goes_on(board):
    board.waiting("a", WAKING)
    board.waiting("b", Status(State.WAKING, "busy"))
    assert board.present.text == "busy"
    board.waiting("b", None)
    assert board.present is WAKING


def test_a_daemon_that_is_found_again_ends_what_was_said_of_its_end_and_no_other_failure(board):
    board.failed(LOST)
    board.answering(MODELS)
    assert board.present.state is State.READY
    board.failed(SPENT)
    board.answering(MODELS)
    assert board.present is SPENT
    board.nobody("no model is set")
    assert board.present.state is State.NO_MODEL


def test_what_is_not_known_is_left_out_of_the_notification():
    assert LOADING.params() == {
        "state": "loading",
        "text": "one is being loaded, about 9 s",
        "model": "one",
        "seconds": 9.0,
    }
    assert SPENT.params() == {"state": "overBudget", "text": "nothing is left of the day's budget"}
    assert Status(State.LOADING, "x", part=0.0).params()["part"] == 0.0


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, ""), (0.2, ", about 1 s"), (30, ", about 30 s"), (300, ", about 5 min")]
)
def test_an_estimate_is_said_in_words(seconds, words):
    assert about(seconds) == words
