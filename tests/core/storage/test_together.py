"""Whatever is done at once by fifty, from two processes' connections: nobody sees an error, and the figures add up."""

import asyncio
import datetime as dt
import random
from contextlib import suppress
from decimal import Decimal

import pytest
from derived import check
from executions import NOW, begun, ended

from codetune_core.domain.deployment import PRODUCTION, Action
from codetune_core.domain.execution import Feedback, Outcome
from codetune_core.domain.prompt import PromptDraft, Wording
from codetune_core.errors import LedgerMoved, PromptNotFound
from codetune_core.history.protocol import Filter, Limit
from codetune_core.prompts.protocol import Entry
from codetune_core.storage.database import Database
from codetune_core.storage.history_store import SqlHistoryStore
from codetune_core.storage.prompt_store import SqlPromptStore
from codetune_core.storage.url import parse_url

ACTORS = 50
STEPS = 8
SPAN = 100_000
TODAY = NOW.replace(hour=0)
LIMITS = [Limit(Decimal(10**6), TODAY, None), Limit(Decimal(10**6), TODAY, "ada")]


class Actor:
    """Does what people and upkeep do, in an order of its own."""

    def __init__(self, database, seed, prompts, known):
        self.history, self.prompts = SqlHistoryStore(database), SqlPromptStore(database)
        self.draw = random.Random(seed)
        self.versions, self.known = prompts, known

    def time(self):
        return NOW + dt.timedelta(seconds=self.draw.randrange(SPAN))

    async def act(self):
        doing = [self.run] * 6 + [self.rate] * 3 + [self.delete] * 2
        doing += [self.strip, self.abandon, self.expire, self.deploy, self.edit, self.purge]
        with suppress(PromptNotFound, LedgerMoved):  # said in words, and no fault
            await self.draw.choice(doing)(self.draw.choice(self.versions))

    async def run(self, version):
        execution = begun(
            prompt_id=version.prompt_id, version_id=version.id, executed_at=self.time(), user_id=self.draw.choice("ab")
        )
        self.known.append(execution.id)
        await self.history.begin(execution, self.draw.choice([LIMITS, []]))
        if self.draw.random() < 0.9:
            await self.history.end(ended(execution, success=self.draw.random() < 0.8))

    async def rate(self, _):
        said = Feedback(self.draw.randrange(1, 6), "said", self.draw.choice(list(Outcome)))
        await self.history.rate(self.draw.choice(self.known), said)

    async def delete(self, _):
        counted = TODAY + dt.timedelta(days=self.draw.randrange(2))
        await self.history.delete(Filter(user_id=self.draw.choice("ab"), until=self.time()), counted)

    async def strip(self, _):
        await self.history.strip(self.time())

    async def abandon(self, _):
        await self.history.abandon(self.time())

    async def expire(self, _):
        await self.history.expire_stubs(self.time())

    async def deploy(self, version):
        entries = await self.prompts.ledger(version.prompt_id, PRODUCTION)
        entry = Entry(version.prompt_id, version.id, PRODUCTION, Action.DEPLOY, "ada")
        await self.prompts.append(entry, entries[-1].sequence if entries else None)

    async def edit(self, version):
        said = Wording(user_prompt_template=str(self.draw.random()))
        await self.prompts.add_version(version.prompt_id, said, "ada", "")

    async def purge(self, version):
        if self.draw.random() < 0.3:
            await self.prompts.purge(version.prompt_id)


@pytest.mark.slow
async def test_whatever_is_done_at_once_nobody_sees_an_error_and_the_figures_add_up(database, database_url):
    store, known = SqlPromptStore(database), [begun().id]
    made = [
        await store.create(PromptDraft(name=f"p{n}"), Wording(user_prompt_template="x"), "ada", "") for n in range(5)
    ]
    versions = [version for _, version in made]
    async with Database(parse_url(database_url)) as other:
        actors = [Actor((database, other)[seed % 2], seed, versions, known) for seed in range(ACTORS)]

        async def play(actor):
            for _ in range(STEPS):
                await actor.act()

        await asyncio.gather(*(play(actor) for actor in actors))
    await check(database)


async def test_nothing_is_deleted_from_an_empty_history(database):
    assert await SqlHistoryStore(database).delete(Filter(), TODAY) == 0
