"""Which answers are remembered, for how long, and how many."""

import asyncio
import datetime as dt

import pytest
from running import SAYS, SQLITE, opened, running, script, types

from codetune_core.domain.execution import Keep
from codetune_core.engines.scripted import ScriptedEngine
from codetune_core.execution.answers import Answers
from codetune_core.execution.protocol import CachedAnswer, CacheKey
from codetune_core.sections import CacheSettings, HistorySettings
from codetune_core.storage.cache_store import SqlCacheStore

NOON = dt.datetime(2026, 3, 4, 12, 0, tzinfo=dt.UTC)


def answers(database, cache=None, history=None, now=NOON):
    return Answers(SqlCacheStore(database), CacheSettings(**cache or {}), HistorySettings(**history or {}), lambda: now)


async def stored(core) -> int:
    return (await core.answers.statistics()).entries


async def test_an_equal_request_is_answered_from_memory(database):
    async with running(database) as core:
        first, second = await core.run(), await core.run()
        rows = await core.recorded()
    assert types(second) == ["started", "from_cache", "token", "usage", "finished"]
    assert second[-1].output == first[-1].output == SAYS
    assert second[-2] == first[-2]
    assert core.engine.started == 1
    assert [row.from_cache for row in rows] == [False, True]
    assert [row.tokens_used > 0 for row in rows] == [True, False]
    assert rows[0].completion_tokens == rows[1].completion_tokens == 5


async def test_what_is_remembered_survives_a_restart(database_url):
    for expected in (1, 0, 0):
        async with opened(database_url) as database, running(database) as core:
            await core.run()
        assert core.engine.started == expected


async def test_what_was_used_is_known_after_a_restart(database_url):
    for _ in range(3):
        async with opened(database_url) as database, running(database) as core:
            await core.run()
    async with opened(database_url) as database, running(database) as core:
        assert (await core.answers.statistics()).hits == 2


@SQLITE
@pytest.mark.parametrize(
    ("prompt", "sections", "expected"),
    [
        ({}, {}, 1),
        ({"temperature": 0.7}, {}, 0),
        ({"temperature": 0.7}, {"cache": {"sampled": True}}, 1),
        ({"temperature": 0.7, "seed": 3}, {}, 1),
        ({"max_tokens": 3}, {}, 0),
        ({"max_tokens": 3}, {"cache": {"sampled": True}}, 0),
        ({}, {"cache": {"enabled": False}}, 0),
        ({}, {"history": {"keep": "metadata"}}, 0),
        ({}, {"history": {"keep": "nothing"}}, 0),
        ({}, {"history": {"tasks": {"explain": "metadata"}}}, 0),
        ({}, {"history": {"tasks": {"fix": "metadata"}}}, 1),
        ({}, {"history": {"workspaces": {"/home/ada": "nothing"}}}, 0),
        ({}, {"history": {"content_days": 0}}, 0),
    ],
)
async def test_what_is_remembered_is_complete_and_deterministic_or_allowed_and_may_be_kept(
    database, prompt, sections, expected
):
    async with running(database, prompt=prompt, **sections) as core:
        await core.run(workspace="/home/ada/shop")
        second = await core.run(workspace="/home/ada/shop")
        assert await stored(core) == expected
    assert ("from_cache" in types(second)) is bool(expected)
    assert core.engine.started == 2 - expected


@SQLITE
async def test_a_fresh_answer_is_generated_anew_and_replaces_what_was_remembered(database):
    async with running(database, ScriptedEngine(script("old"))) as core:
        await core.run()
        core.engine._script = script("new")
        assert (await core.run())[-1].output == "old"
        assert (await core.run(fresh=True))[-1].output == "new"
        assert (await core.run())[-1].output == "new"
        assert await stored(core) == 1


@SQLITE
@pytest.mark.parametrize(
    "changes",
    [{"code": "x = 2"}, {"tenant": "b"}, {"sample_index": 1}],
    ids=["another text", "another tenant", "another sample"],
)
async def test_what_is_not_the_same_is_not_answered_from_memory(database, changes):
    async with running(database) as core:
        await core.run()
        await core.run(**changes)
        assert await stored(core) == 2
    assert core.engine.started == 2


@SQLITE
@pytest.mark.parametrize("changes", [{"user_id": "bo"}, {"session_id": "w"}, {"workspace": "/x"}])
async def test_who_asks_makes_no_difference(database, changes):
    async with running(database) as core:
        await core.run()
        assert "from_cache" in types(await core.run(**changes))


@pytest.mark.parametrize("text", ["a\0b", "half \ud800"])
async def test_what_a_database_cannot_hold_is_answered_and_not_remembered(database, text):
    async with running(database, script((text,))) as core:
        events = await core.run()
        assert await stored(core) == 0
    assert events[-1].type == "finished"


@SQLITE
async def test_a_damaged_entry_is_generated_anew(database):
    async with running(database) as core:
        await core.run()
        async with database.write() as session:
            from sqlalchemy import text  # noqa: PLC0415

            await session.execute(text("UPDATE model_cache SET cached_output = '{'"))
        assert "from_cache" not in types(await core.run())
        assert "from_cache" in types(await core.run())


@SQLITE
async def test_a_remembered_answer_that_a_stricter_schema_refuses_is_generated_anew(database):
    foreign = '{"summary": "It adds.", "details": []}'
    async with running(database, prompt={"output_schema": "commit_message"}) as core:
        first = await core.run()
        assert first[-1].type == "failed"
        [row] = await core.recorded()
        key = CacheKey(**row.cache_key["key"])
        await core.answers.remember(key, CachedAnswer(foreign, "stop", 1, 1), core.answers.expiry())
        await core.run()
    assert core.engine.started == 4  # each time there is a second try


@SQLITE
@pytest.mark.parametrize(
    ("cache", "history", "until"),
    [
        ({}, {}, dt.datetime(2026, 4, 3, tzinfo=dt.UTC)),
        ({"days": 1}, {}, dt.datetime(2026, 3, 5, tzinfo=dt.UTC)),
        ({"days": 90}, {"content_days": 7}, dt.datetime(2026, 3, 11, tzinfo=dt.UTC)),
        ({}, {"content_days": 7, "metadata_days": 3}, dt.datetime(2026, 3, 7, tzinfo=dt.UTC)),
        ({"days": 7}, {"content_days": 90}, dt.datetime(2026, 3, 11, tzinfo=dt.UTC)),
    ],
)
async def test_nothing_is_remembered_longer_than_content_is_kept(database, cache, history, until):
    assert answers(database, cache, history).expiry() == until


@SQLITE
@pytest.mark.parametrize("size", [30_000, 60_000, 400_000, 750_000, 990_000])
async def test_the_limit_holds_after_every_answer(database, size):
    kept = answers(database, {"max_megabytes": 1})
    for number in range(1_500_000 // size):
        key = CacheKey("tiny", "", f"{number:064x}", "", 0)
        await kept.remember(key, CachedAnswer("x" * size, "stop", 1, 1), kept.expiry())
        assert (await kept.statistics()).bytes <= 1_000_000
    assert await kept.entry(key)
    assert (await kept.statistics()).bytes > 500_000


@SQLITE
async def test_the_limit_holds_where_many_are_remembered_at_once(database):
    kept = answers(database, {"max_megabytes": 1})
    keys = [CacheKey("tiny", "", f"{number:064x}", "", 0) for number in range(40)]
    answer = CachedAnswer("x" * 50_000, "stop", 1, 1)
    await asyncio.gather(*(kept.remember(key, answer, kept.expiry()) for key in keys))
    assert 500_000 < (await kept.statistics()).bytes <= 1_000_000


@SQLITE
async def test_what_is_being_remembered_is_forgotten_too(database):
    kept = answers(database)
    key = CacheKey("tiny", "", "a", "b", 0)
    remembering = asyncio.create_task(kept.remember(key, CachedAnswer("x", "stop", 1, 1), kept.expiry()))
    await asyncio.sleep(0)
    assert await kept.clear() == 1
    await remembering
    assert await kept.entry(key) is None


@SQLITE
async def test_an_answer_larger_than_the_cache_is_not_remembered(database):
    kept = answers(database, {"max_megabytes": 1})
    assert "larger than the cache" in kept.flaw("x" * 1_000_001, "stop")
    assert not kept.flaw("x" * 1_000_000, "stop")


@SQLITE
async def test_upkeep_drops_what_expired(database):
    kept = answers(database, {"days": 1})
    await kept.remember(CacheKey("tiny", "", "a", "b", 0), CachedAnswer("x", "stop", 1, 1), kept.expiry())
    assert await kept.maintain() == 0
    assert await answers(database, now=NOON + dt.timedelta(days=1)).maintain() == 1


@SQLITE
@pytest.mark.parametrize(
    ("cache", "history", "asked", "words"),
    [
        ({"enabled": False}, {}, {}, "cache.enabled"),
        ({}, {}, {"keep": Keep.METADATA}, "history.keep"),
        ({}, {"content_days": 0}, {}, "history.content_days"),
        ({}, {}, {"temperature": 0.7}, "temperature 0.7"),
        ({}, {}, {}, ""),
    ],
)
async def test_a_refusal_names_the_setting(database, cache, history, asked, words):
    refusal = answers(database, cache, history).refusal(**{"temperature": 0, "seed": None, "keep": Keep.FULL, **asked})
    assert words in refusal
    assert bool(refusal) is bool(words)
