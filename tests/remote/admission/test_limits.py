"""Rate limits as a client meets them: what is said in headers, when, and what it costs the database."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from codetune_core.storage.database import Database
from codetune_core.storage.rate_store import SqlRateStore
from codetune_core.storage.url import parse_url
from codetune_remote.admission.limits import RateLimits, add_fields
from codetune_remote.problems import Refusal

NOON = 1_700_000_040.0
"""The beginning of a minute."""


class Counting:
    """A store that tells how often it is asked."""

    def __init__(self, database):
        self._store = SqlRateStore(database)
        self.asked = []

    async def take(self, *arguments):
        self.asked.append("take")
        return await self._store.take(*arguments)

    async def counts(self, *arguments):
        self.asked.append("counts")
        return await self._store.counts(*arguments)


class Client:
    """One user's requests at a time that a test sets."""

    def __init__(self, database, limit=4):
        self.store = Counting(database)
        self.now = NOON
        self.limits = RateLimits(self.store, limit, lambda: self.now)

    async def ask(self, user="ada"):
        """Fields of the response, and the Refusal where it is one."""
        request = make_mocked_request("POST", "/api/execute")
        try:
            await self.limits.count(request, user)
        except Refusal as refusal:
            return refusal.headers, refusal
        response = web.Response()
        await add_fields(request, response)
        return response.headers, None


@pytest.fixture
async def client(sqlite_url):
    async with Database(parse_url(sqlite_url)) as database:
        yield Client(database)


async def test_every_answer_says_what_is_left(client):
    for left in (3, 2, 1, 0):
        fields, refusal = await client.ask()
        assert refusal is None
        assert fields["RateLimit-Policy"] == '"minute";q=4;w=60'
        assert fields["RateLimit"] == f'"minute";r={left};t=60'


async def test_who_asks_too_often_hears_when_to_come_back_and_is_let_in_then(client):
    for _ in range(4):
        await client.ask()
    fields, refusal = await client.ask()
    assert (refusal.status, refusal.kind) == (429, "rate-limited")
    assert fields["Retry-After"] == "75"  # a quarter of the full window before must have slid away
    assert fields["RateLimit"] == '"minute";r=0;t=75'
    client.now += 74
    assert (await client.ask())[1]
    client.now += 1.001
    assert (await client.ask())[1] is None


async def test_one_statement_for_what_is_let_in_and_none_while_it_is_known_to_be_refused(client):
    for _ in range(10):
        await client.ask()
    assert client.store.asked == [*["take"] * 5, "counts"]
    await client.ask("bob")
    assert client.store.asked[-1] == "take"


async def test_without_a_limit_nothing_is_asked_or_said(sqlite_url):
    async with Database(parse_url(sqlite_url)) as database:
        client = Client(database, limit=None)
        fields, refusal = await client.ask()
        assert refusal is None
        assert not {name for name in fields if name.startswith("RateLimit")}
        assert client.store.asked == []


async def test_the_memory_of_who_is_refused_is_bounded(client, monkeypatch):
    monkeypatch.setattr("codetune_remote.admission.limits._MANY_REFUSED", 2)
    client.limits = RateLimits(client.store, 1, lambda: client.now)
    for user in ("ada", "bob", "cyd"):
        await client.ask(user)
        assert (await client.ask(user))[1]
    assert len(client.limits._refused_until) == 1


async def test_replicas_on_one_database_hold_the_limit_together(database_url):
    async with Database(parse_url(database_url)) as one, Database(parse_url(database_url)) as other:
        replicas = [Client(one, 20), Client(other, 20)]
        asked = [replica.ask() for _ in range(30) for replica in replicas]
        refusals = [refusal for _, refusal in await asyncio.gather(*asked)]
    assert refusals.count(None) == 20
