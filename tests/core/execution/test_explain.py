"""Why two executions did, or did not, share a remembered answer."""

import datetime as dt
from dataclasses import replace

import pytest
from running import SQLITE, running, script, wording

from codetune_core.domain.execution import ErrorKind, Execution, FinishReason, ModelIdentity, Task
from codetune_core.domain.identifiers import new_id
from codetune_core.engines.scripted import Fault, ScriptedEngine
from codetune_core.execution.explain import explain, key_of
from codetune_core.execution.protocol import CacheEntry

NOON = dt.datetime(2026, 3, 4, 12, 0, tzinfo=dt.UTC)
STOP: FinishReason = "stop"
KEY = {"model_name": "m", "model_revision": "", "prompt_hash": "a", "parameters_hash": "b", "sample_index": 0}


def executed(minutes: int = 0, *, parts=None, **changes) -> Execution:
    cache_key = {"key": KEY, "parts": parts or {}, "fresh": False, "not_stored": "", **changes.pop("cache_key", {})}
    known = {"success": True, "finish_reason": STOP, "execution_time_ms": 10.0, "time_to_first_token_ms": 1.0}
    return Execution(
        new_id(), NOON + dt.timedelta(minutes=minutes), Task.EXPLAIN, cache_key=cache_key, **{**known, **changes}
    )


def reason(first: Execution, second: Execution, entry: CacheEntry | None = None) -> str:
    explanation = explain(first, second, entry)
    assert explanation.shared is False
    assert explain(second, first, entry).reasons == explanation.reasons or explanation.differences
    return "; ".join(explanation.reasons)


ENTRY = CacheEntry(NOON, NOON + dt.timedelta(days=30), is_valid=True)


@pytest.mark.parametrize(
    ("earlier", "later", "entry", "words"),
    [
        ({}, {"cache_key": {"fresh": True}}, ENTRY, "wanted a fresh answer"),
        (
            {"cache_key": {"not_stored": "it is drawn at temperature 0.7"}},
            {},
            None,
            "not stored: it is drawn at temperature 0.7",
        ),
        (
            {"success": False, "error_kind": ErrorKind.TIMEOUT, "cache_key": {"not_stored": "no answer"}},
            {},
            None,
            "not stored: it ended by timeout",
        ),
        ({"execution_time_ms": 600_000.0}, {}, ENTRY, "in another process, before"),
        ({"cache_key": {"stored_until": "2026-03-04T12:03:00+00:00"}}, {}, None, "expired on 2026-03-04T12:03:00"),
        ({"cache_key": {"stored_until": "2026-03-05T00:00:00+00:00"}}, {}, None, "evicted to make room"),
        ({}, {}, replace(ENTRY, is_valid=False), "not valid"),
        (
            {},
            {
                "success": False,
                "finish_reason": None,
                "time_to_first_token_ms": None,
                "error_kind": ErrorKind.BUDGET_SPENT,
            },
            ENTRY,
            "ended before it was answered (budget_spent)",
        ),
    ],
)
def test_equal_requests_that_did_not_share_are_explained(earlier, later, entry, words):
    assert words in reason(executed(0, **earlier), executed(5, **later), entry)


def test_what_was_answered_from_the_cache_is_shared_whichever_is_named_first():
    first, second = executed(0), executed(5, from_cache=True)
    assert explain(first, second, ENTRY).shared
    assert explain(second, first, ENTRY).shared


def test_an_execution_that_asked_nothing_says_so():
    nothing = replace(executed(), cache_key={})
    assert key_of(nothing) is None
    assert f"{nothing.id} asked nothing" in reason(nothing, executed(5))


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ({"temperature": 0}, {"temperature": 0.5}, "temperature is 0 in the one and 0.5 in the other"),
        ({"model.name": "a"}, {"model.name": "b"}, "the model is 'a' in the one and 'b' in the other"),
        ({"decoding.top_k": None}, {"decoding.top_k": 4}, "top_k is 'not set' in the one and 4"),
        ({"tenant": "0" * 64}, {"tenant": "1" * 64}, "the tenant is not the same"),
        ({"tenant": ""}, {"tenant": "1" * 64}, "the tenant is not the same"),
        ({"messages": ["system 1", "user 1"]}, {"messages": ["system 1", "user 2"]}, "message 2 of 2 (user) is not"),
        ({"messages": ["user 1"]}, {"messages": ["system 1", "user 1"]}, "the number of messages is 1 in the one"),
        ({}, {"brand_new": 1}, "brand_new is 'not set' in the one and 1 in the other"),
    ],
)
def test_every_part_that_differs_is_named(first, second, words):
    assert words in reason(executed(parts=first), executed(parts=second))


@SQLITE
@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ({}, {"code": "x = 2"}, "message 2 of 2 (user) is not the same"),
        ({}, {"tenant": "b"}, "the tenant is not the same"),
        ({}, {"sample_index": 2}, "the sample's number is 0 in the one and 2 in the other"),
        ({}, {"model": "large"}, "the model is 'tiny' in the one and 'large' in the other"),
        ({}, {"version": 2}, "message 1 of 2 (system) is not the same"),
        ({}, {"version": 2}, "temperature is 0 in the one and 0.5 in the other"),
        ({}, {"fresh": True}, "wanted a fresh answer"),
        ({"version": 2}, {"version": 2}, "cache.sampled is off"),
    ],
)
async def test_what_ran_is_explained_from_its_records(database, first, second, words):
    models = (ModelIdentity("tiny", "scripted", 4096), ModelIdentity("large", "scripted", 4096))
    async with running(database, script(models=models)) as core:
        await core.library.edit("explain", wording(system_prompt="Explain briefly.", temperature=0.5), by="ada")
        await core.run(**first)
        await core.run(**second)
        one, other = await core.recorded()
        assert words in reason(one, other, await core.answers.entry(key_of(one)))


@SQLITE
async def test_records_say_why_an_answer_is_gone(database):
    async with running(database) as core:
        await core.run()
        await core.answers.clear()
        await core.run()
        await core.run()
        one, two, three = await core.recorded()
        assert "evicted to make room, cleared" in reason(one, two, await core.answers.entry(key_of(one)))
        assert explain(two, three, None).shared


@SQLITE
async def test_records_say_that_a_failure_was_not_stored(database):
    engine = ScriptedEngine(script(fault=Fault(kind=ErrorKind.ENGINE_LOST, after_tokens=2)))
    async with running(database, engine) as core:
        await core.run()
        await core.run()
        assert "not stored: it ended by engine_lost" in reason(*await core.recorded())
