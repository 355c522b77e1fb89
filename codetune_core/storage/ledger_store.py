"""The ledger of deployments in a database: appended to, never changed, and mirrored for production."""

import datetime as dt
from functools import partial
from uuid import UUID

from sqlalchemy import exists, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from codetune_core.domain.clock import Clock, utc_now
from codetune_core.domain.deployment import PRODUCTION, Action, Deployment
from codetune_core.errors import LedgerMoved, PromptNotFound
from codetune_core.prompts.protocol import Deployed, Entry
from codetune_core.storage.database import Database
from codetune_core.storage.memo import Memo
from codetune_core.storage.prompt_rows import deployment_of, mirrored, new_deployment, prompt_of, version_of
from codetune_core.storage.tables.prompts import DeploymentRow, PromptRow, PromptVersionRow
from codetune_core.storage.version_store import lock_prompt

ACTIVE = text("prompt_library.is_active")
"""An active prompt, said as the partial index on names says it: SQLite would not use that for ``= 1``."""
_STANDING = (
    select(PromptRow, PromptVersionRow, DeploymentRow)
    .join(DeploymentRow, DeploymentRow.prompt_id == PromptRow.id)
    .join(PromptVersionRow, PromptVersionRow.id == DeploymentRow.version_id)
    .where(ACTIVE)
)
_TICK = dt.timedelta(microseconds=1)
_STANDS = """
SELECT p.id, p.description, p.category, p.use_case, p.tags, p.model_type,
    (SELECT max(d.id) FROM prompt_deployments d WHERE d.prompt_id = p.id AND d.label = ?2)
FROM prompt_library p WHERE p.is_active AND p.name = ?1
"""
"""What is other whenever another version stands under a label, or the prompt is described in other words; its
statistics, which every execution changes, are not among it."""
_REMEMBERED = 64


class LedgerStore:
    """The part of a PromptStore that concerns the ledger."""

    def __init__(self, database: Database, now: Clock = utc_now) -> None:
        self._database = database
        self._now = now
        self._remembered: Memo[tuple[str, str], Deployed | None] = Memo(
            partial(database.direct.row, _STANDS), _REMEMBERED
        )

    async def deployed(self, name: str, label: str) -> Deployed | None:
        return await self._remembered.get((name, label), partial(self._deployed, name, label))

    async def _deployed(self, name: str, label: str) -> Deployed | None:
        here = _STANDING.where(PromptRow.name == name, DeploymentRow.label == label)
        async with self._database.read() as session:
            found = (await session.execute(here.order_by(DeploymentRow.id.desc()).limit(1))).first()
        return _deployed(*found) if found else None

    async def experimenting(self) -> list[Deployed]:
        later = aliased(DeploymentRow)
        ended = exists().where(
            later.prompt_id == DeploymentRow.prompt_id, later.label == DeploymentRow.label, later.id > DeploymentRow.id
        )
        running = _STANDING.where(DeploymentRow.action == Action.EXPERIMENT.value, ~ended)
        async with self._database.read() as session:
            return [_deployed(*found) for found in (await session.execute(running.order_by(PromptRow.name))).all()]

    async def append(self, entry: Entry, after: int | None) -> Deployment:
        async with self._database.write() as session:
            await lock_prompt(session, entry.prompt_id)
            last = await _last(session, entry)
            if (last.id if last else None) != after:
                raise LedgerMoved(f"somebody else deployed to {entry.label!r} in the meantime: look, and try again")
            now = max(self._now(), last.deployed_at + _TICK) if last else self._now()
            version = await _version(session, entry)
            added = insert(DeploymentRow).values(new_deployment(entry, now)).returning(DeploymentRow)
            row = (await session.execute(added)).scalar_one()
            if entry.label == PRODUCTION:
                await _mirror(session, version, now)
            return deployment_of(row, version.version_number)

    async def ledger(
        self, prompt_id: UUID, label: str | None = None, until: dt.datetime | None = None
    ) -> list[Deployment]:
        wanted = (
            select(DeploymentRow, PromptVersionRow.version_number)
            .join(PromptVersionRow, PromptVersionRow.id == DeploymentRow.version_id)
            .where(DeploymentRow.prompt_id == prompt_id)
        )
        if label is not None:
            wanted = wanted.where(DeploymentRow.label == label)
        if until is not None:
            wanted = wanted.where(DeploymentRow.deployed_at <= until)
        async with self._database.read() as session:
            found = (await session.execute(wanted.order_by(DeploymentRow.id))).all()
        return [deployment_of(row, number) for row, number in found]


def _deployed(prompt: PromptRow, version: PromptVersionRow, entry: DeploymentRow) -> Deployed:
    return Deployed(prompt_of(prompt), version_of(version), deployment_of(entry, version.version_number))


async def _last(session: AsyncSession, entry: Entry) -> DeploymentRow | None:
    wanted = select(DeploymentRow).where(DeploymentRow.prompt_id == entry.prompt_id, DeploymentRow.label == entry.label)
    return await session.scalar(wanted.order_by(DeploymentRow.id.desc()).limit(1))


async def _version(session: AsyncSession, entry: Entry) -> PromptVersionRow:
    wanted = select(PromptVersionRow).where(
        PromptVersionRow.prompt_id == entry.prompt_id, PromptVersionRow.id == entry.version_id
    )
    if (version := await session.scalar(wanted)) is None:
        raise PromptNotFound("the version to deploy is none of this prompt")
    return version


async def _mirror(session: AsyncSession, version: PromptVersionRow, now: dt.datetime) -> None:
    """Let the columns that repeat the ledger follow it: one version of a prompt is deployed, and stands in its row."""
    others = update(PromptVersionRow).where(
        PromptVersionRow.prompt_id == version.prompt_id, PromptVersionRow.is_deployed, PromptVersionRow.id != version.id
    )
    await session.execute(others.values(is_deployed=False))
    this = update(PromptVersionRow).where(PromptVersionRow.id == version.id, ~PromptVersionRow.is_deployed)
    await session.execute(this.values(is_deployed=True, deployed_at=now))
    await session.execute(update(PromptRow).where(PromptRow.id == version.prompt_id).values(mirrored(version)))
