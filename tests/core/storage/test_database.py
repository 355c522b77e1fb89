"""A database opens, and its tables are there."""

import datetime as dt

import pytest
from sqlalchemy import text

from codetune_core.domain.identifiers import new_id
from codetune_core.storage.tables.cache import CachedAnswerRow

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


async def test_a_fresh_database_answers(database):
    async with database.read() as session:
        assert (await session.execute(text("SELECT count(*) FROM prompt_library"))).scalar_one() == 0


async def test_a_write_that_fails_leaves_nothing(database):
    row = CachedAnswerRow(
        id=new_id(), model_name="m", model_revision="", prompt_hash="p", parameters_hash="q", sample_index=0,
        cached_output={}, tokens_used=1, size_bytes=2, created_at=NOW, last_accessed_at=NOW, expires_at=NOW,
    )  # fmt: skip

    async def fail():
        async with database.write() as session:
            session.add(row)
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.read() as session:
        assert (await session.execute(text("SELECT count(*) FROM model_cache"))).scalar_one() == 0
