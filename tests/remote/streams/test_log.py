"""The log of an execution: readers keep their own place, are woken for what they wait for, and never lose an event."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codetune_core.domain.identifiers import new_id
from codetune_core.errors import EngineLost
from codetune_core.execution.events import EVENT, Failed, Finished, Started, Token, read_event, written
from codetune_remote.streams.answer import answer_of
from codetune_remote.streams.log import EventLog

FAILED = Failed(kind="engine_lost", message="it died")


def filled(*texts):
    log = EventLog()
    for text in texts:
        log.add(Token(text=text))
    return log


def read(log, after=0, most_bytes=10**9):
    """Numbers and texts of what follows an event."""
    return [(number, EVENT.validate_json(content).text) for number, _, content in log.after(after, most_bytes)]


@given(st.lists(st.text()), st.integers(0, 5), st.integers(0, 200))
def test_readers_find_everything_whatever_they_take_at_once(texts, after, most_bytes):
    log, found, at = filled(*texts), [], after
    while part := read(log, at, most_bytes):
        found += part
        at = part[-1][0]
    assert found == list(enumerate(texts, 1))[after:]


async def test_half_a_character_of_an_engine_is_passed_on_as_it_is():
    halves, log = ("ä \ud83d", "\ude00"), EventLog()
    for half in halves:
        log.add(Token(text=half))
    assert tuple(read_event(content).text for _, _, content in log.after(0, 10**9)) == halves
    started = {"execution_id": new_id(), "prompt": "explain", "version": 1, "model": "tiny"}
    log.add(Started.model_validate(started))
    log.add(Finished(output="".join(halves), finish_reason="stop", execution_time_ms=1))
    assert json.loads(written(answer_of(log)))["output"] == "ä \U0001f600"


async def test_who_waits_is_woken_by_the_next_event():
    log = filled("a")
    assert await log.more(0, 10)
    waiting = [asyncio.create_task(log.more(1, 10)) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    log.add(Token(text="b"))
    assert await asyncio.gather(*waiting) == [True] * 3


async def test_where_nothing_comes_the_wait_ends():
    assert not await filled("a").more(1, 0.001)


async def test_a_closed_log_keeps_nobody_waiting():
    log = filled("a")
    waiting = asyncio.create_task(log.more(1, 10))
    await asyncio.sleep(0)
    log.close()
    assert await waiting
    assert await log.more(1, 10)
    assert read(log, 1) == []


async def test_who_is_cancelled_while_waiting_leaves_nothing_behind():
    log = filled()
    waiting = asyncio.create_task(log.more(0, 10))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert not log._waiting


def test_the_answer_of_what_failed_is_its_error():
    log = filled("a")
    log.add(FAILED)
    with pytest.raises(EngineLost, match="it died"):
        answer_of(log)
