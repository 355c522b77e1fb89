"""This machine answers while the service does not: only then, and it is said."""

import pytest
from running import SAYS, SQLITE, request, running, script, text, types

from codetune_core.domain.execution import ErrorKind
from codetune_core.domain.identifiers import new_id
from codetune_core.engines.scripted import Fault
from codetune_core.execution.events import Failed, Started, Token, Waiting
from codetune_core.execution.remote.fallback import FallbackExecutor

AWAY = Failed(kind=ErrorKind.ENGINE_LOST, message="the Space sleeps", unavailable=True)
LOST = Failed(kind=ErrorKind.ENGINE_LOST, message="it hung up")
STARTED = Started(execution_id=new_id(), prompt="explain", version=1, model="far")


class Elsewhere:
    """Gives these events, and counts who asks."""

    def __init__(self, *events) -> None:
        self.events = events
        self.asked = 0

    async def execute(self, _request):
        self.asked += 1
        for event in self.events:
            yield event


async def run(executor) -> list:
    return [event async for event in executor.execute(request())]


async def test_an_answer_that_began_is_not_begun_again_here_whatever_the_service_says():
    there, here = Elsewhere(STARTED, Token(text="it"), AWAY), Elsewhere(STARTED)
    assert await run(FallbackExecutor(there, here)) == [STARTED, Token(text="it"), AWAY]
    assert here.asked == 0


@SQLITE
async def test_this_machine_answers_where_the_service_is_away_and_says_so(database):
    async with running(database) as core:
        events = await run(FallbackExecutor(Elsewhere(Waiting(reason="it wakes"), AWAY), core.executor))
    assert types(events)[:2] == ["waiting", "started"]
    assert events[1].notices == ("answered by this machine, because the Space sleeps",)
    assert text(events) == events[-1].output == SAYS


@SQLITE
async def test_a_failure_here_says_why_it_was_asked_here(database):
    fault = Fault(kind=ErrorKind.REFUSED, message="no")
    async with running(database, script(fault=fault)) as core:
        events = await run(FallbackExecutor(Elsewhere(AWAY), core.executor))
    assert events[-1].message == "no (answered by this machine, because the Space sleeps)"


@SQLITE
@pytest.mark.parametrize("events", [(STARTED, Token(text="a"), LOST), (LOST,)], ids=["in the middle", "before it"])
async def test_what_the_service_began_is_never_asked_for_here(database, events):
    async with running(database) as core:
        assert await run(FallbackExecutor(Elsewhere(*events), core.executor)) == list(events)
        assert core.engine.started == 0


@SQLITE
@pytest.mark.parametrize(("rest", "asked"), [(3600, 1), (0, 2)], ids=["meanwhile", "later"])
async def test_a_service_that_is_away_is_left_alone_for_a_while_and_then_asked_again(database, rest, asked):
    away = Elsewhere(AWAY)
    async with running(database) as core:
        executor = FallbackExecutor(away, core.executor, rest=rest)
        await run(executor)
        await run(executor)
    assert away.asked == asked
