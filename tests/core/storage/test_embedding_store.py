"""Vectors that are remembered: by model and exact text, no longer and no more than allowed, and never with the text."""

import asyncio
import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import SQLITE
from sqlalchemy import text

from codetune_core.domain.execution import ModelIdentity, Priority
from codetune_core.engines.embedding_cache import CachedEmbedder, EmbeddingModel, RememberedVectors
from codetune_core.sections import CacheSettings, HistorySettings
from codetune_core.storage.database import Database
from codetune_core.storage.embedding_store import SqlEmbeddingStore
from codetune_core.storage.url import parse_url

NOW = dt.datetime(2026, 3, 4, 12, tzinfo=dt.UTC)
MODEL = ModelIdentity("mini", "transformers", 256, "r1", "fp32")
CANARY = "canary_7f3a = 1"


class Letters:
    """Makes a vector of the codes of a text's first letters, and notes what it is asked."""

    def __init__(self, dimensions=4):
        self.asked = []
        self.dimensions = dimensions

    async def model(self, name, role=None):
        return ModelIdentity(name or "mini", "transformers", 256)

    async def embed(self, model, texts, priority):
        self.asked.append(tuple(texts))
        codes = [[ord(char) for char in each.ljust(self.dimensions)[: self.dimensions]] for each in texts]
        return np.array(codes, np.float32) / 7

    async def aclose(self):
        """Nothing is open."""


class Remembering:
    """A cached embedder over a database, and its clock."""

    def __init__(self, database, **cache):
        self.now = NOW
        self.store = SqlEmbeddingStore(database)
        self.vectors = RememberedVectors(self.store, CacheSettings(**cache), HistorySettings(), lambda: self.now)
        self.embedder = Letters()

    async def embed(self, *texts, model=MODEL):
        return await CachedEmbedder(self.embedder, self.vectors).embed(model, texts, Priority.BACKGROUND)


async def rows(database):
    async with database.read() as session:
        return (await session.execute(text("SELECT * FROM embedding_cache"))).mappings().all()


async def test_only_missing_texts_are_embedded_each_once_and_the_order_is_kept(database):
    core = Remembering(database)
    first = await core.embed("b", "a", "b")
    second = await core.embed("a", "c", "b", "c", "a")
    assert core.embedder.asked == [("b", "a"), ("c",)]
    assert first.dtype == second.dtype == np.float32
    expected = await Letters().embed(MODEL, ["a", "c", "b", "c", "a"], Priority.BACKGROUND)
    assert np.array_equal(second, expected)
    assert np.array_equal(first, expected[[2, 0, 2]])


async def test_what_is_remembered_outlives_the_process(database):
    await Remembering(database).embed("a")
    again = Remembering(database)
    await again.embed("a")
    assert again.embedder.asked == []


@SQLITE
@pytest.mark.parametrize(
    ("one", "other"), [("Name", "name"), ("x ", "x"), ("\u00e9", "e\u0301"), ("a\r\n", "a\n"), ("\ud800", "?")]
)
async def test_texts_that_differ_in_a_character_are_two(database, one, other):
    core = Remembering(database)
    await core.embed(one)
    await core.embed(other)
    assert core.embedder.asked == [(one,), (other,)]


@SQLITE
@pytest.mark.parametrize("changed", ["name", "engine", "revision", "quantization", "adapter"])
async def test_another_model_has_vectors_of_its_own(database, changed):
    core = Remembering(database)
    values = {"name": "mini", "engine": "transformers", "revision": "r1", "quantization": "fp32", "adapter": ""}
    for given_ in (values, {**values, changed: "other"}, values):
        await core.embed("a", model=ModelIdentity(context_tokens=256, **given_))
    assert core.embedder.asked == [("a",), ("a",)]


async def test_nothing_of_the_text_is_stored(database):
    await Remembering(database).embed(CANARY)
    [row] = await rows(database)
    assert CANARY.encode() not in b"".join(str(value).encode() for value in row.values())
    assert bytes(row["vector"]) == (await Letters().embed(MODEL, [CANARY], 0)).astype("<f4").tobytes()


async def test_what_is_too_old_goes(database):
    core = Remembering(database, days=2)
    await core.embed("a")
    core.now += dt.timedelta(days=1)
    await core.embed("b")
    assert await core.vectors.maintain() == 0
    core.now += dt.timedelta(days=1)
    assert await core.vectors.maintain() == 1
    await core.embed("a", "b")
    assert core.embedder.asked[2:] == [("a",)]


async def test_what_was_not_used_for_longest_makes_room(database):
    core = Remembering(database)
    for each in "abc":
        await core.embed(each)
        core.now += dt.timedelta(days=2)
    await core.embed("a")
    assert await core.store.evict(NOW - dt.timedelta(days=1), 32) == 1
    await core.embed("a", "b", "c")
    assert core.embedder.asked[3:] == [("b",)]


@SQLITE
async def test_it_never_takes_much_more_than_it_may(database):
    core = Remembering(database, max_megabytes=1)
    core.embedder.dimensions = 1000
    for start in range(0, 1000, 100):
        await core.embed(*(f"text {number}" for number in range(start, start + 100)))
        held = sum(row["size_bytes"] for row in await rows(database))
        assert held <= 1_000_000 + 400_000
    assert held > 500_000


async def test_the_vectors_of_one_model_are_forgotten(database):
    core = Remembering(database)
    await core.embed("a")
    await core.embed("a", model=ModelIdentity("other", "transformers", 256))
    assert await core.vectors.clear("mini") == 1
    assert [row["model_name"] for row in await rows(database)] == ["other"]
    assert await core.vectors.clear() == 1


@SQLITE
async def test_a_model_that_was_changed_under_its_name_starts_anew(database):
    core = Remembering(database)
    await core.embed("a", "b")
    core.embedder.dimensions = 6
    assert (await core.embed("a", "c")).shape == (2, 6)
    assert (await core.embed("a", "b")).shape == (2, 6)


@SQLITE
async def test_more_texts_than_a_statement_takes_are_found(database):
    core = Remembering(database)
    texts = [str(number) for number in range(1200)]
    await core.embed(*texts)
    assert np.array_equal(await core.embed(*texts[::-1]), await Letters().embed(MODEL, texts[::-1], 0))
    assert len(core.embedder.asked) == 1


async def test_two_that_write_the_same_vectors_at_once_do_not_hinder_each_other(database_url):
    async with Database(parse_url(database_url)) as one, Database(parse_url(database_url)) as other:
        cores = [Remembering(one), Remembering(other)]
        texts = [str(number) for number in range(300)]
        await asyncio.gather(cores[0].embed(*texts), cores[1].embed(*texts[::-1]))
        assert len(await rows(one)) == 300


@SQLITE
async def test_no_text_has_no_vector(database):
    core = Remembering(database)
    assert (await core.embed()).shape == (0, 0)
    assert core.embedder.asked == []


@pytest.mark.parametrize(
    ("cache", "history"),
    [({"enabled": False}, {}), ({}, {"keep": "metadata"}), ({}, {"content_days": 0}), ({}, {"metadata_days": 0})],
)
def test_where_no_content_may_be_kept_no_vector_is(cache, history):
    assert not RememberedVectors(None, CacheSettings(**cache), HistorySettings(**history)).enabled
    assert RememberedVectors(None, CacheSettings(), HistorySettings()).enabled


@settings(max_examples=25)
@given(st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=3), max_size=6), max_size=5))
def test_a_cached_embedder_gives_what_the_embedder_gives(asked):
    class Memory:
        def __init__(self):
            self.held = {}

        async def find(self, model: EmbeddingModel, texts, _now):
            return {each: self.held[model.key, each] for each in texts if (model.key, each) in self.held}

        async def put(self, model, vectors, _now):
            self.held |= {(model.key, each): vector for each, vector in vectors.items()}

        async def evict(self, _before, _most):
            return 0

    async def check():
        embedder = Letters()
        cached = CachedEmbedder(embedder, RememberedVectors(Memory(), CacheSettings(), HistorySettings()))
        for texts in asked:
            found = await cached.embed(MODEL, texts, Priority.TYPING)
            if texts:
                assert np.array_equal(found, await Letters().embed(MODEL, texts, Priority.TYPING))
        sent = [each for call in embedder.asked for each in call]
        assert len(sent) == len(set(sent))

    asyncio.run(check())
