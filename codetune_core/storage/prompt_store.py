"""The prompt library in a database: prompts, with their versions and the ledger of deployments."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, func, insert, or_, select, tuple_, type_coerce, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from codetune_core.domain.prompt import Category, Prompt, PromptDraft, PromptVersion, Wording
from codetune_core.errors import NameTaken, PromptChanged, PromptNotFound
from codetune_core.storage.ledger_store import ACTIVE, LedgerStore
from codetune_core.storage.prompt_rows import described, new_prompt, prompt_of, version_of
from codetune_core.storage.tables.history import ExecutionRow
from codetune_core.storage.tables.prompts import PromptRow, PromptVersionRow
from codetune_core.storage.version_store import VersionStore, insert_version, lock_prompt


class SqlPromptStore(LedgerStore, VersionStore):
    """A PromptStore; each method is one transaction."""

    async def create(self, draft: PromptDraft, wording: Wording, by: str, notes: str) -> tuple[Prompt, PromptVersion]:
        now = self._now()
        with _unique_name():
            async with self._database.write() as session:
                added = insert(PromptRow).values(new_prompt(draft, by, now)).returning(PromptRow)
                prompt = (await session.execute(added)).scalar_one()
                first: dict[str, Any] = {"prompt_id": prompt.id, "version_number": 1, "created_at": now}
                said = await insert_version(session, wording, created_by=by, change_notes=notes, **first)
                return prompt_of(prompt), said

    async def describe(self, prompt_id: UUID, draft: PromptDraft, seen: str = "") -> Prompt:
        return await self._change(prompt_id, seen, **described(draft))

    async def set_active(self, prompt_id: UUID, *, active: bool) -> Prompt:
        return await self._change(prompt_id, is_active=active)

    async def find(self, name: str) -> Prompt | None:
        return await self._prompt(PromptRow.name == name, ACTIVE)

    async def get(self, prompt_id: UUID) -> Prompt | None:
        return await self._prompt(PromptRow.id == prompt_id)

    async def prompts(
        self,
        *,
        category: Category | None = None,
        tags: Sequence[str] = (),
        archived: bool = False,
        after: tuple[str, UUID] | None = None,
        limit: int | None = None,
    ) -> list[Prompt]:
        wanted = select(PromptRow).where(PromptRow.is_active.is_(not archived))
        if category:
            wanted = wanted.where(PromptRow.category == category.value)
        wanted = wanted.where(*(_has_tag(self._database.url.dialect, tag) for tag in tags))
        if after:
            wanted = wanted.where(tuple_(PromptRow.name, PromptRow.id) > tuple_(*after))
        wanted = wanted.order_by(PromptRow.name, PromptRow.id).limit(limit)
        async with self._database.read() as session:
            return [prompt_of(row) for row in await session.scalars(wanted)]

    async def in_production(self, tags: Sequence[str], limit: int) -> list[tuple[Prompt, PromptVersion]]:
        tagged = or_(*(_has_tag(self._database.url.dialect, tag) for tag in tags))
        wanted = select(PromptRow, PromptVersionRow).join(
            PromptVersionRow, PromptVersionRow.id == PromptRow.current_version_id
        )
        async with self._database.read() as session:
            found = await session.execute(wanted.where(ACTIVE, tagged).order_by(PromptRow.name).limit(limit))
            return [(prompt_of(prompt), version_of(version)) for prompt, version in found.all()]

    async def delete(self, prompt_id: UUID) -> bool:
        async with self._database.write() as session:
            await _lock_versions(session, prompt_id)
            if used := await _used(session, prompt_id):
                await session.execute(update(PromptRow).where(PromptRow.id == prompt_id).values(is_active=False))
            else:
                await session.execute(delete(PromptRow).where(PromptRow.id == prompt_id))
            return not used

    async def purge(self, prompt_id: UUID) -> None:
        history = update(ExecutionRow).where(ExecutionRow.prompt_id == prompt_id)
        executions = select(ExecutionRow.sequence).where(ExecutionRow.prompt_id == prompt_id)
        async with self._database.write() as session:
            await _lock_versions(session, prompt_id)
            await session.execute(executions.order_by(ExecutionRow.sequence).with_for_update())
            await session.execute(history.values(prompt_id=None, version_id=None))
            await session.execute(delete(PromptRow).where(PromptRow.id == prompt_id))

    async def _prompt(self, *conditions: Any) -> Prompt | None:
        async with self._database.read() as session:
            row = await session.scalar(select(PromptRow).where(*conditions))
            return prompt_of(row) if row else None

    async def _change(self, prompt_id: UUID, seen: str = "", **columns: Any) -> Prompt:
        change = update(PromptRow).where(PromptRow.id == prompt_id).values(columns).returning(PromptRow)
        with _unique_name():
            async with self._database.write() as session:
                if seen:
                    await _expect_described(session, prompt_id, seen)
                if (row := await session.scalar(change)) is None:
                    raise PromptNotFound("the prompt is no longer there: somebody purged it")
                return prompt_of(row)


@contextmanager
def _unique_name() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if "uq_prompt_library_active_name" in str(error.orig) or "prompt_library.name" in str(error.orig):
            raise NameTaken("an active prompt has this name: choose another, or edit that one") from None
        raise


async def _expect_described(session: AsyncSession, prompt_id: UUID, seen: str) -> None:
    row = await session.scalar(select(PromptRow).where(PromptRow.id == prompt_id).with_for_update())
    if row and prompt_of(row).draft.revision != seen:
        raise PromptChanged("somebody else changed the description in the meantime: look, and try again")


async def _lock_versions(session: AsyncSession, prompt_id: UUID) -> None:
    """Wait until no execution is being recorded, and let none begin.

    What records one locks the version, then the execution, then the prompt; in any other order each would wait for
    the other.
    """
    await lock_prompt(session, prompt_id)
    versions = select(PromptVersionRow.id).where(PromptVersionRow.prompt_id == prompt_id)
    await session.execute(versions.order_by(PromptVersionRow.version_number).with_for_update())


async def _used(session: AsyncSession, prompt_id: UUID) -> bool:
    recorded = exists().where(ExecutionRow.prompt_id == prompt_id)
    counted = exists().where(PromptRow.id == prompt_id, PromptRow.total_executions > 0)
    return (await session.execute(select(or_(recorded, counted)))).scalar_one()


def _has_tag(dialect: Literal["sqlite", "postgresql"], tag: str) -> ColumnElement[bool]:
    if dialect == "postgresql":
        return PromptRow.tags.bool_op("@>")(type_coerce([tag], PromptRow.tags.type))
    one = func.json_each(PromptRow.tags).table_valued("value")
    return exists(select(1).select_from(one).where(one.c.value == tag))
