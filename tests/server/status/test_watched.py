"""Executions say how it stands with who answers: what they wait for, what ended them, that one answers again."""

from contextlib import aclosing
from uuid import UUID

import pytest

from codetune_core.domain.execution import ErrorKind, ExecutionRequest, Task
from codetune_core.execution.events import Failed, Finished, Started, Token, Waiting
from codetune_server.status.board import Board
from codetune_server.status.state import State
from codetune_server.status.watched import WatchedExecutor

ID = UUID(int=1)
STARTED = Started(execution_id=ID, prompt="p", version=1, model="one")
TOKEN = Token(text="x")
FINISHED = Finished(output="x", finish_reason="stop", execution_time_ms=1.0)
ASLEEP = Waiting(reason="the Space ann/x wakes up", seconds=40)


class Said:
    """An executor that yields what it is given."""

    def __init__(self, *events):
        self._events = events
        self.closed = False

    async def execute(self, _request):
        try:
            for event in self._events:
                yield event
        finally:
            self.closed = True

    async def rate(self, _id, _feedback):
        return True


class Loads:
    """What waits for its first token."""

    def __init__(self):
        self.waiting = set()

    def wait_for(self, execution):
        self.waiting.add(execution)

    def wait_no_more_for(self, execution):
        self.waiting.discard(execution)


async def states(*events, until=None):
    """The states that were told, how many wait at each event, and whether the execution was closed."""
    board, loads, said, told, waiting = Board(), Loads(), Said(*events), [], []
    board.announce = lambda status, _is_news: told.append(status)
    async with aclosing(WatchedExecutor(said, board, loads).execute(ExecutionRequest(Task.ASK, "p", {}))) as seen:
        async for event in seen:
            waiting.append(len(loads.waiting))
            if event is until:
                break
    assert said.closed
    assert not loads.waiting
    return told, waiting, board.present


async def test_what_is_waited_for_is_told_with_its_estimate_until_something_else_comes():
    told, waiting, last = await states(ASLEEP, STARTED, TOKEN, FINISHED)
    assert [(each.state, each.text, each.seconds) for each in told] == [
        (State.WAKING, "the Space ann/x wakes up, about 40 s", 40.0)
    ]
    assert waiting == [1, 1, 0, 0]
    assert last is None


async def test_closing_the_events_closes_the_execution_and_nothing_is_waited_for_any_more():
    _, _, last = await states(ASLEEP, STARTED, TOKEN, FINISHED, until=ASLEEP)
    assert last is None


@pytest.mark.parametrize(
    ("kind", "unavailable", "state"),
    [
        (ErrorKind.BUDGET_SPENT, False, State.OVER_BUDGET),
        (ErrorKind.ENGINE_LOST, False, State.OFFLINE),
        (ErrorKind.INTERNAL, True, State.OFFLINE),
        (ErrorKind.CONTEXT_TOO_LONG, False, None),
        (ErrorKind.CANCELLED, False, None),
    ],
)
async def test_a_failure_that_the_next_one_would_share_is_told(kind, unavailable, state):
    _, _, last = await states(STARTED, Failed(kind=kind, message="because", unavailable=unavailable))
    assert (last and (last.state, last.text)) == (state and (state, "because"))


async def test_an_answer_ends_what_failed_before():
    board = Board()
    for events in ([Failed(kind=ErrorKind.BUDGET_SPENT, message="spent")], [STARTED, TOKEN, FINISHED]):
        watched = WatchedExecutor(Said(*events), board, Loads())
        assert [event async for event in watched.execute(ExecutionRequest(Task.ASK, "p", {}))] == events
    assert board.present is None
    assert await watched.rate(ID, None)
