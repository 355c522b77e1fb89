"""Rate limits in the database: exact however many ask at once, in one process and over replicas."""

import asyncio

import pytest

from codetune_core.execution.rate import Counts, Moment
from codetune_core.storage.database import Database
from codetune_core.storage.rate_store import SqlRateStore
from codetune_core.storage.url import parse_url

START = Moment(100, 0.0)


async def take(database, times, user="ada", limit=10, moment=START):
    """How many of so many requests, one after the other, were let in."""
    store = SqlRateStore(database)
    return sum([await store.take(user, limit, moment) is not None for _ in range(times)])


async def test_so_many_are_let_in_and_not_one_more(database):
    assert await take(database, 12) == 10
    assert await SqlRateStore(database).counts("ada", START) == Counts(10, 0)


async def test_what_is_refused_counts_for_nothing(database):
    await take(database, 50)
    assert await take(database, 50, moment=Moment(101, 0.5)) == 5


async def test_each_user_has_a_limit_of_their_own(database):
    assert [await take(database, 12, user) for user in ("ada", "bob", "")] == [10, 10, 10]


@pytest.mark.parametrize(
    ("moment", "allowed"),
    [
        (Moment(100, 0.9), 0),
        (Moment(101, 0.0), 0),
        (Moment(101, 0.1), 1),
        (Moment(101, 0.55), 5),
        (Moment(102, 0.0), 10),
        (Moment(5000, 0.0), 10),
    ],
)
async def test_room_comes_back_as_the_window_slides(database, moment, allowed):
    await take(database, 10)
    assert await take(database, 12, moment=moment) == allowed


async def test_the_counts_move_on_with_the_window(database):
    store = SqlRateStore(database)
    await take(database, 7)
    assert await store.take("ada", 10, Moment(101, 0.5)) == Counts(1, 7)
    assert await store.take("ada", 10, Moment(102, 0.5)) == Counts(1, 1)
    assert await store.take("ada", 10, Moment(104, 0.5)) == Counts(1, 0)
    assert await store.counts("ada", Moment(105, 0.5)) == Counts(0, 1)
    assert await store.counts("nobody", START) == Counts()


async def test_a_replica_whose_clock_is_behind_lets_nobody_in_twice(database):
    await take(database, 10, moment=Moment(100, 0.999))
    await take(database, 2, moment=Moment(101, 0.2))
    assert await take(database, 12, moment=Moment(100, 0.999)) == 0
    assert await SqlRateStore(database).counts("ada", Moment(101, 0.2)) == Counts(2, 10)


async def test_a_clock_that_was_far_ahead_locks_nobody_out(database):
    await take(database, 10, moment=Moment(9000, 0.5))
    assert await take(database, 12) == 10


@pytest.mark.parametrize("user", ["a" * 500, "ada\0", "名前", "'; DROP TABLE rate_window; --"])
async def test_any_name_of_a_user_is_counted(database, user):
    assert await take(database, 12, user) == 10


async def test_two_replicas_that_are_asked_at_once_hold_the_limit_together(database, database_url):
    async with Database(parse_url(database_url)) as other:
        stores = [SqlRateStore(database), SqlRateStore(other)]
        asked = [store.take("ada", 17, START) for _ in range(25) for store in stores]
        allowed = [counts for counts in await asyncio.gather(*asked) if counts]
    assert sorted(counts.current for counts in allowed) == list(range(1, 18))
