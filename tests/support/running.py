"""An executor over a real database and the scripted engine, and prompts for it to run."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from codetune_core.domain.execution import ExecutionRequest, ModelIdentity, Task
from codetune_core.domain.prompt import Decoding, PromptDraft, Variable, VariableType, Wording
from codetune_core.engines.scripted import Reply, Rule, Script, ScriptedEngine
from codetune_core.execution.answers import Answers
from codetune_core.executor.local import LocalExecutor
from codetune_core.history.budget import Budget
from codetune_core.history.history import History
from codetune_core.history.protocol import Filter
from codetune_core.prompts.library import PromptLibrary
from codetune_core.settings import Settings
from codetune_core.storage.cache_store import SqlCacheStore
from codetune_core.storage.database import Database
from codetune_core.storage.history_store import SqlHistoryStore
from codetune_core.storage.prompt_store import SqlPromptStore
from codetune_core.storage.url import parse_url

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what has nothing to do with the kind of database."""
MODEL = ModelIdentity("tiny", "scripted", 4096, "r1", "q4", "none")
CODE = Variable(name="code", type=VariableType.CODE)
SAYS = "The answer is forty two."
TOKENS = ["The", " answer", " is", " forty", " two."]


def script(answer=SAYS, *rules: Rule, models=(MODEL,), **reply) -> Script:
    return Script(models=models, rules=rules, default=Reply(answers=(answer,), **reply))


def wording(**changes) -> Wording:
    values = {"system_prompt": "Explain.", "user_prompt_template": "{{ code }}", "variables": (CODE,), "temperature": 0}
    decoding = {name: changes.pop(name) for name in list(changes) if name in Decoding.model_fields}
    return Wording(**{**values, **changes}, decoding=Decoding(**decoding))


def request(code="x = 1", **changes) -> ExecutionRequest:
    return replace(ExecutionRequest(Task.EXPLAIN, "explain", {"code": code}, user_id="ada"), **changes)


class Gate:
    """Holds the engine before the token of an index until it is opened."""

    def __init__(self, at: int) -> None:
        self._at = at
        self.reached = asyncio.Event()
        self.open = asyncio.Event()

    async def __call__(self, index: int) -> None:
        if index == self._at:
            self.reached.set()
            await self.open.wait()


class Running:
    """The parts that one executor is made of."""

    def __init__(self, database: Database, engine: ScriptedEngine, settings: Settings) -> None:
        self.database = database
        self.engine = engine
        self.library = PromptLibrary(SqlPromptStore(database))
        self.cache = SqlCacheStore(database)
        self.history = History(SqlHistoryStore(database), settings.history, Budget(settings.budget))
        self.answers = Answers(self.cache, settings.cache, settings.history)
        self.executor = LocalExecutor(self.library, engine, self.answers, self.history, settings)

    async def add(self, name="explain", **changes) -> None:
        await self.library.create(PromptDraft(name=name), wording(**changes), by="ada")

    async def run(self, asked: ExecutionRequest | None = None, **changes) -> list:
        return [event async for event in self.executor.execute(asked or request(**changes))]

    async def recorded(self, **where) -> list:
        """All executions, the oldest first."""
        return (await self.history.page(Filter(**where), limit=1000))[::-1]


@asynccontextmanager
async def running(database, engine_or_script=None, *, prompt=None, **sections):
    """An executor with the prompt ``explain``; closed at the end."""
    engine = engine_or_script or script()
    engine = ScriptedEngine(engine) if isinstance(engine, Script) else engine
    parts = Running(database, engine, Settings.model_validate(sections))
    if "explain" not in {known.name for known in await parts.library.list()}:
        await parts.add(**(prompt or {}))
    try:
        yield parts
    finally:
        await parts.executor.aclose()


def types(events) -> list[str]:
    return [event.type for event in events]


def text(events) -> str:
    return "".join(event.text for event in events if event.type == "token")


def opened(url: str) -> Database:
    return Database(parse_url(url))
