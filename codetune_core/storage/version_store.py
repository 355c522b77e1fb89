"""Versions of prompts in a database: written once, numbered from 1, their offline tests counted."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from codetune_core.domain.clock import Clock, utc_now
from codetune_core.domain.prompt import PromptVersion, Statistics, Wording
from codetune_core.errors import IdenticalVersion, PromptNotFound
from codetune_core.storage.database import Database
from codetune_core.storage.history_rows import clean
from codetune_core.storage.prompt_rows import new_version, signature, version_of
from codetune_core.storage.tables.prompts import PromptVersionRow


async def lock_prompt(session: AsyncSession, prompt_id: UUID) -> None:
    """Make changes of one prompt queue, until the transaction ends; raises PromptNotFound.

    Locks version 1, which every prompt has: what records an execution locks its version before the prompt, and where
    both do so, neither can hold what the other waits for. SQLite, with one writer, needs no lock.
    """
    first = select(PromptVersionRow.id).where(
        PromptVersionRow.prompt_id == prompt_id, PromptVersionRow.version_number == 1
    )
    if await session.scalar(first.with_for_update(key_share=True)) is None:
        raise PromptNotFound("the prompt is no longer there: somebody purged it")


async def insert_version(
    session: AsyncSession, wording: Wording, *, created_by: str, change_notes: str, **columns: Any
) -> PromptVersion:
    """Write a version; ``columns`` are the others that do not follow from the wording."""
    written = {"created_by": signature(created_by), "change_notes": clean(change_notes)}
    added = insert(PromptVersionRow).values(**new_version(wording), **written, **columns).returning(PromptVersionRow)
    return version_of((await session.execute(added)).scalar_one())


class VersionStore:
    """The part of a PromptStore that concerns versions."""

    def __init__(self, database: Database, now: Clock = utc_now) -> None:
        self._database = database
        self._now = now

    async def add_version(self, prompt_id: UUID, wording: Wording, by: str, notes: str) -> PromptVersion:
        async with self._database.write() as session:
            await lock_prompt(session, prompt_id)
            await _refuse_identical(session, prompt_id, wording)
            last = select(func.max(PromptVersionRow.version_number)).where(PromptVersionRow.prompt_id == prompt_id)
            number = (await session.execute(last)).scalar_one() + 1
            return await insert_version(
                session,
                wording,
                prompt_id=prompt_id,
                version_number=number,
                created_at=self._now(),
                created_by=by,
                change_notes=notes,
            )

    async def version(self, prompt_id: UUID, number: int) -> PromptVersion | None:
        return await self._version(PromptVersionRow.prompt_id == prompt_id, PromptVersionRow.version_number == number)

    async def version_by_id(self, version_id: UUID) -> PromptVersion | None:
        return await self._version(PromptVersionRow.id == version_id)

    async def versions(
        self, prompt_id: UUID, *, below: int | None = None, limit: int | None = None
    ) -> list[PromptVersion]:
        wanted = select(PromptVersionRow).where(PromptVersionRow.prompt_id == prompt_id)
        if below is not None:
            wanted = wanted.where(PromptVersionRow.version_number < below)
        async with self._database.read() as session:
            rows = await session.scalars(wanted.order_by(PromptVersionRow.version_number.desc()).limit(limit))
            return [version_of(row) for row in rows]

    async def add_test_result(self, version_id: UUID, *, success: bool, milliseconds: float) -> Statistics:
        counted = {
            "test_executions": PromptVersionRow.test_executions + 1,
            "test_success_rate": _mean_with(PromptVersionRow.test_success_rate, float(success)),
            "test_avg_execution_time": _mean_with(PromptVersionRow.test_avg_execution_time, milliseconds),
        }
        change = update(PromptVersionRow).where(PromptVersionRow.id == version_id).values(counted)
        async with self._database.write() as session:
            if not (row := await session.scalar(change.returning(PromptVersionRow))):
                raise PromptNotFound("the version that was tested is no longer there: somebody purged its prompt")
            return version_of(row).tests

    async def _version(self, *conditions: ColumnElement[bool]) -> PromptVersion | None:
        async with self._database.read() as session:
            row = await session.scalar(select(PromptVersionRow).where(*conditions))
            return version_of(row) if row else None


async def _refuse_identical(session: AsyncSession, prompt_id: UUID, wording: Wording) -> None:
    same = select(PromptVersionRow.version_number).where(
        PromptVersionRow.prompt_id == prompt_id, PromptVersionRow.content_hash == wording.content_hash
    )
    if (number := await session.scalar(same)) is not None:
        raise IdenticalVersion(f"this is word for word version {number}: deploy that one instead", number)


def _mean_with(mean: Any, value: float) -> ColumnElement[Any]:
    """A running mean over ``test_executions`` values, and one more; computed by the database, so none is lost."""
    count = PromptVersionRow.test_executions
    return (func.coalesce(mean, 0.0) * count + value) / (count + 1)
