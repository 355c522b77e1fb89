"""Keys are made, verified, remembered for seconds and revoked, on both kinds of database."""

import asyncio
import datetime as dt
import hmac
import logging

import pytest
from sqlalchemy import text as sql

from codetune_core.access import keys as keys_module
from codetune_core.access import remembered
from codetune_core.access.key_text import _checksum, new_key
from codetune_core.access.keys import REMEMBERED_SECONDS, ServiceKeys
from codetune_core.domain.service_key import USUAL_SCOPES, Scope
from codetune_core.errors import AccessError, KeyRefused, SettingsError, StorageError
from codetune_core.storage.key_store import SqlKeyStore

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


class Time:
    """The clock of the calendar and the one that memory goes by."""

    def __init__(self):
        self.passed = 0.0

    def now(self):
        return NOW + dt.timedelta(seconds=self.passed)

    def monotonic(self):
        return self.passed


class CountingStore(SqlKeyStore):
    """Counts the queries that verifying takes."""

    found = 0

    async def find(self, key_id):
        self.found += 1
        return await super().find(key_id)


@pytest.fixture
def time(monkeypatch):
    time = Time()
    original = remembered.Remembered.__init__
    monkeypatch.setattr(
        remembered.Remembered, "__init__", lambda self, seconds, most: original(self, seconds, most, time.monotonic)
    )
    return time


@pytest.fixture
def store(database):
    return CountingStore(database)


@pytest.fixture
async def keys(store, time):
    keys = ServiceKeys(store, now=time.now)
    yield keys
    await keys.aclose()


async def made(keys, scopes=USUAL_SCOPES, user="ada", **values):
    key, new = await keys.create(user, scopes, **{"expires": "90d", **values})
    return key, new.text.get_secret_value()


async def refused(keys, text):
    with pytest.raises(KeyRefused) as caught:
        await keys.verify(text)
    return str(caught.value)


async def test_a_key_is_verified_as_it_was_made(keys):
    key, text = await made(keys, [Scope.EXECUTE, Scope.PROMPTS_WRITE], note="laptop", created_by="root")
    assert await keys.verify(text) == key
    assert key.scopes == {Scope.EXECUTE, Scope.PROMPTS_WRITE}
    assert (key.user_id, key.note, key.created_by) == ("ada", "laptop", "root")
    assert key.expires_at == NOW + dt.timedelta(days=90)


async def test_the_database_holds_nothing_that_a_key_could_be_made_of(keys, database):
    _, text = await made(keys)
    async with database.read() as session:
        row = (await session.execute(sql("SELECT * FROM service_key"))).one()
    assert not any(text[15:40] in str(value) for value in row)


async def test_a_key_needs_a_user_and_a_scope(keys):
    for user, scopes in (("", USUAL_SCOPES), ("ada", [])):
        with pytest.raises(AccessError):
            await keys.create(user, scopes, expires="never")


async def test_an_unknown_id_and_a_wrong_secret_are_told_alike_after_the_same_work(keys, store, monkeypatch):
    key, _ = await made(keys)
    compared = []
    monkeypatch.setattr(
        keys_module.hmac, "compare_digest", lambda one, other: compared.append(len(one)) or hmac_compare(one, other)
    )
    work, said = [], []
    for key_id in (key.id, "0" * 10):
        text = with_id(key_id)
        before = store.found, len(compared)
        said.append(await refused(keys, text))
        work.append((store.found - before[0], len(compared) - before[1]))
    assert said[0] == said[1]
    assert work == [(1, 2), (1, 2)]


hmac_compare = hmac.compare_digest


def with_id(key_id):
    """A well-formed key of this id with a secret that nobody was given."""
    unchecked = f"ctk_{key_id}_{new_key().text.get_secret_value()[15:58]}"
    return unchecked + _checksum(unchecked)


async def test_a_verified_key_costs_no_query_for_seconds(keys, store, time):
    _, text = await made(keys)
    for _ in range(50):
        await keys.verify(text)
    assert store.found == 1
    time.passed += REMEMBERED_SECONDS
    await keys.verify(text)
    assert store.found == 2


async def test_many_requests_at_once_with_one_key_are_looked_up_a_few_times(keys, store):
    key, text = await made(keys)
    assert {found.id for found in await asyncio.gather(*(keys.verify(text) for _ in range(200)))} == {key.id}
    assert store.found <= 4


async def test_the_same_wrong_key_costs_no_query_for_seconds(keys, store):
    text = with_id("0" * 10)
    assert len({await refused(keys, text) for _ in range(50)}) == 1
    assert store.found == 1


async def test_a_malformed_key_costs_no_query(keys, store):
    assert "checksum" in await refused(keys, "ctk_abc_def")
    assert store.found == 0


async def test_a_revoked_key_is_refused_at_once_here_and_within_seconds_elsewhere(keys, store, time):
    elsewhere = ServiceKeys(store, now=time.now)
    key, text = await made(keys)
    await keys.verify(text)
    await elsewhere.verify(text)
    revoked = await keys.revoke(key.id)
    assert revoked.revoked_at == time.now()
    assert "revoked" in await refused(keys, text)
    assert await elsewhere.verify(text)
    time.passed += REMEMBERED_SECONDS
    assert "revoked" in await refused(elsewhere, text)
    await elsewhere.aclose()


async def test_a_key_is_revoked_once(keys, time):
    key, _ = await made(keys)
    first = await keys.revoke(key.id)
    time.passed += 60
    assert (await keys.revoke(key.id)).revoked_at == first.revoked_at
    assert await keys.revoke("nobodys") is None


async def test_a_key_ends_when_its_time_is_over_though_it_was_just_verified(keys, time):
    _, text = await made(keys, expires="1d")
    time.passed = 24 * 3600 - 1
    assert await keys.verify(text)
    time.passed += 1
    assert "expired on 2026-03-02" in await refused(keys, text)


async def test_a_key_that_never_expires_lasts(keys, time):
    _, text = await made(keys, expires="never")
    time.passed = 20 * 365 * 24 * 3600
    assert await keys.verify(text)


async def test_when_a_key_was_used_is_noted_to_some_minutes(keys, time):
    _, text = await made(keys)

    async def noted():
        await keys.verify(text)
        await keys.aclose()
        return (await keys.page())[0].last_used_at

    assert await noted() == NOW
    time.passed = 60
    assert await noted() == NOW
    time.passed = 400
    assert await noted() == NOW + dt.timedelta(seconds=400)


async def test_a_use_that_cannot_be_noted_fails_nothing(keys, store, caplog, monkeypatch):
    key, text = await made(keys)

    async def fail(*_):
        raise StorageError("the disk is full")

    monkeypatch.setattr(store, "note_use", fail)
    with caplog.at_level(logging.WARNING):
        assert await keys.verify(text) == key
        await keys.aclose()
    assert "the disk is full" in caplog.text
    assert text not in caplog.text


async def test_keys_are_listed_page_by_page_the_newest_first(keys, time):
    names = []
    for number in range(7):
        time.passed = number // 2  # several of one moment
        names.append((await made(keys, user=f"u{number}"))[0].id)
    listed, after = [], ""
    while page := await keys.page(after, 3):
        listed += [key.id for key in page]
        after = listed[-1]
    assert sorted(listed) == sorted(names)
    assert [names.index(key_id) // 2 for key_id in listed] == [3, 2, 2, 1, 1, 0, 0]
    assert await keys.page("nobodys") == []


async def test_whether_anybody_has_a_key_that_would_be_accepted(keys, store, time):
    assert not await keys.any_usable()
    first, _ = await made(keys, expires="1d")
    assert await keys.any_usable()
    await keys.revoke(first.id)
    assert not await keys.any_usable()
    await made(keys, expires="1d")
    time.passed = 24 * 3600
    assert not await keys.any_usable()
    assert await ServiceKeys(store, new_key().hash).any_usable()


async def test_the_key_of_the_environment_may_do_everything_without_a_database(keys, store, monkeypatch):
    new = new_key()
    admin = ServiceKeys(store, f" {new.hash.upper()}\n")
    key = await admin.verify(new.text.get_secret_value())
    assert (key.user_id, key.scopes, key.id) == ("admin", {Scope.ADMIN}, new.id)
    assert store.found == 0
    assert "not known" in await refused(admin, new_key().text.get_secret_value())


@pytest.mark.parametrize("text", ["ctk_", "0" * 63, "g" * 64, new_key().text.get_secret_value()], ids=range(4))
def test_a_variable_that_holds_no_hash_is_said_and_not_repeated(text):
    with pytest.raises(SettingsError) as caught:
        ServiceKeys(None, text)
    assert "CODETUNE_ADMIN_KEY_SHA256" in str(caught.value)
    assert text not in str(caught.value)


async def test_memory_is_bounded(keys):
    for _ in range(3000):
        await refused(keys, new_key().text.get_secret_value()[:-1])
    assert len(keys._refused._values) <= 2048
