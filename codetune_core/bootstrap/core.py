"""The service's half: prompts, executions, cache and history over one database."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from codetune_core.access.keys import ADMIN_VARIABLE, ServiceKeys
from codetune_core.domain.execution import Feedback
from codetune_core.domain.review import Notice
from codetune_core.engines.embedding_cache import CachedEmbedder, RememberedVectors
from codetune_core.engines.embedding_registry import build_embedder, build_reranker
from codetune_core.engines.protocol import Engine
from codetune_core.engines.registry import build
from codetune_core.errors import CodeTuneError, ExecutionError, SettingsError
from codetune_core.execution.answers import Answers
from codetune_core.history.budget import Budget
from codetune_core.history.history import History
from codetune_core.outbound.engine import GuardedEmbedder, GuardedReranker, guarded
from codetune_core.outbound.executor import GuardedExecutor
from codetune_core.outbound.gate import Gate
from codetune_core.prompts.editor import EditorPrompts
from codetune_core.prompts.experiments.controller import check_all
from codetune_core.prompts.experiments.protocol import ExperimentResults
from codetune_core.prompts.library import PromptLibrary
from codetune_core.prompts.starter import install
from codetune_core.prompts.wire import Choosing, ChosenVersion
from codetune_core.settings import Settings
from codetune_core.storage.cache_store import SqlCacheStore
from codetune_core.storage.database import Database
from codetune_core.storage.embedding_store import SqlEmbeddingStore
from codetune_core.storage.experiment_results import SqlExperimentResults
from codetune_core.storage.history_store import SqlHistoryStore
from codetune_core.storage.key_store import SqlKeyStore
from codetune_core.storage.open import open_database
from codetune_core.storage.prompt_store import SqlPromptStore
from codetune_core.storage.training_store import SqlTrainingStore
from codetune_core.tuning.protocol import TrainingStore

if TYPE_CHECKING:
    from codetune_core.bootstrap.team import Team
    from codetune_core.engines.embedding import Embedder, Reranker
    from codetune_core.engines.transformers.loads import ModelLoads
    from codetune_core.execution.protocol import Executor
    from codetune_core.execution.remote.executor import RemoteExecutor
    from codetune_core.executor.local import LocalExecutor

_LOG = logging.getLogger(__name__)
_UPKEEP_SECONDS = 3600
_Told = TypeVar("_Told", ChosenVersion, EditorPrompts)


@dataclass(frozen=True)
class Core:
    """What the service and the terminal work with; ``notices`` are to be told once."""

    settings: Settings
    database: Database
    engine: Engine
    gate: Gate
    prompts: PromptLibrary
    answers: Answers
    vectors: RememberedVectors
    history: History
    experiments: ExperimentResults
    notices: tuple[Notice, ...]

    @cached_property
    def executor(self) -> "Executor":
        """Runs prompts where the settings say; raises SettingsError for a service that cannot be asked so."""
        if not self.settings.remote.base_url:
            return self.local_executor
        from codetune_core.execution.remote.fallback import FallbackExecutor  # noqa: PLC0415

        elsewhere: Executor = self.service
        if self.service.leaves:
            elsewhere = GuardedExecutor(elsewhere, self.gate)
        falls_back = self.settings.remote.when_unavailable == "local"
        return FallbackExecutor(elsewhere, self.local_executor) if falls_back else elsewhere

    @cached_property
    def service(self) -> "RemoteExecutor":
        """The service of the user's team; raises SettingsError where it cannot be asked as the settings say."""
        from codetune_core.execution.remote.executor import RemoteExecutor  # noqa: PLC0415 - who has none waits for none

        return RemoteExecutor.to_service(self.settings.remote)

    @cached_property
    def team(self) -> "Team":
        """What that service says of its prompts; raises SettingsError likewise."""
        from codetune_core.bootstrap.team import Team  # noqa: PLC0415

        return Team(self.service, self.gate)

    @cached_property
    def local_executor(self) -> "LocalExecutor":
        """Runs prompts of this database; made when it is first used, for templates and schemas take long to import."""
        from codetune_core.executor.local import LocalExecutor  # noqa: PLC0415

        return LocalExecutor(self.prompts, self.engine, self.answers, self.history, self.settings)

    @cached_property
    def embedder(self) -> "Embedder":
        """Makes vectors, and remembers them where it may; raises SettingsError where it cannot be made."""
        embedder = GuardedEmbedder(build_embedder(self.settings), self.gate)
        return CachedEmbedder(embedder, self.vectors) if self.vectors.enabled else embedder

    def embedder_of(self, tenant: str) -> "Embedder":
        """Return the same, which remembers nothing of another tenant; raises SettingsError where it cannot be made."""
        return self.embedder.of(tenant) if isinstance(self.embedder, CachedEmbedder) else self.embedder

    @cached_property
    def reranker(self) -> "Reranker":
        """Scores texts; raises SettingsError where it cannot be made."""
        return GuardedReranker(build_reranker(self.settings), self.gate)

    @cached_property
    def keys(self) -> ServiceKeys:
        """Keys of the service; raises SettingsError for a wrong value of ``ADMIN_VARIABLE``."""
        return ServiceKeys(SqlKeyStore(self.database), os.environ.get(ADMIN_VARIABLE, ""))

    @cached_property
    def training(self) -> TrainingStore:
        """Records of LoRA tuning."""
        return SqlTrainingStore(self.database)

    @cached_property
    def loads(self) -> "ModelLoads":
        """Loads and unloads models of this machine beforehand."""
        from codetune_core.engines.transformers.engine import TransformersEngine  # noqa: PLC0415
        from codetune_core.engines.transformers.loads import ModelLoads  # noqa: PLC0415 - only where somebody asks

        return ModelLoads(lambda: TransformersEngine.from_settings(self.settings.engine, self.settings))

    async def rate(self, execution_id: UUID, feedback: Feedback) -> bool:
        """Note what became of an answer, here or on the service of the user's team; False where neither knows of it.

        Raises an ExecutionError where the service cannot be asked.
        """
        if await self.history.rate(execution_id, feedback):
            return True
        return bool(self.settings.remote.base_url) and await self.executor.rate(execution_id, feedback)

    async def chosen(self, prompt: str, asked: Choosing) -> ChosenVersion:
        """Return which version would answer an execution; raises PromptNotFound.

        That is said by the service of the user's team where it runs it, and by this library where that cannot be asked.
        """
        told = await self._from_team(lambda team: team.chosen(prompt, asked))
        return told or await self.chosen_here(prompt, asked)

    async def chosen_here(self, prompt: str, asked: Choosing) -> ChosenVersion:
        """Return which version of this library would answer; raises PromptNotFound."""
        choosing = self.prompts.choose(prompt, label=asked.label, version=asked.version, session_id=asked.session_id)
        return ChosenVersion.of(await choosing)

    async def offered(self) -> EditorPrompts:
        """Return the prompts that editors offer, of the library from which they run, likewise."""
        return await self._from_team(lambda team: team.offered()) or await self.prompts.offered()

    async def _from_team(self, ask: "Callable[[Team], Awaitable[_Told]]") -> _Told | None:
        """Return what the service of the user's team says; None where none is set, or where it cannot be asked."""
        if self.settings.remote.base_url:
            with suppress(ExecutionError, SettingsError):
                return await ask(self.team)
        return None

    async def aclose(self) -> None:
        """Stop what runs."""
        for used in ("service", "local_executor", "embedder", "reranker", "keys", "loads"):
            if used in vars(self):
                await vars(self)[used].aclose()
        await self.engine.aclose()


@asynccontextmanager
async def open_core(settings: Settings) -> AsyncIterator[Core]:
    """Open the database, set up what is missing in it, and keep it in order until the end.

    Raises SettingsError for an engine that is not there, and StorageError for a database that cannot be used.
    """
    gate = Gate(settings.outbound)
    engine = guarded(build(settings), gate)
    database, notices = await open_database(settings.storage, backup_days=settings.history.content_days)
    async with database:
        core = await _assembled(settings, database, engine, gate, notices)
        async with _kept_in_order(core):
            try:
                yield core
            finally:
                await core.aclose()


async def _assembled(
    settings: Settings, database: Database, engine: Engine, gate: Gate, notices: tuple[Notice, ...]
) -> Core:
    prompts = PromptLibrary(SqlPromptStore(database))
    history = History(SqlHistoryStore(database), settings.history, Budget(settings.budget))
    answers = Answers(SqlCacheStore(database), settings.cache, settings.history)
    vectors = RememberedVectors(SqlEmbeddingStore(database), settings.cache, settings.history)
    installed = await install(prompts)
    told = tuple(Notice(f"starter:{text}", text) for text in installed.notices)
    return Core(
        settings,
        database,
        engine,
        gate,
        prompts,
        answers,
        vectors,
        history,
        SqlExperimentResults(database),
        (*notices, *told),
    )


@asynccontextmanager
async def _kept_in_order(core: Core) -> AsyncIterator[None]:
    """Do the upkeep at once and then every hour; a pass that runs at the end is waited for, except after an error."""
    closing = asyncio.Event()
    upkeep = asyncio.create_task(_upkeep(core, closing))
    try:
        yield
        closing.set()
        await upkeep
    finally:
        upkeep.cancel()
        await asyncio.wait({upkeep})


async def _upkeep(core: Core, closing: asyncio.Event) -> None:
    while True:
        try:
            await core.history.maintain()
            await core.answers.maintain()
            await core.vectors.maintain()
            await check_all(core.prompts, core.experiments)
        except CodeTuneError as error:
            _LOG.warning("upkeep of the database is tried again later: %s", error)
        with suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), _UPKEEP_SECONDS)
        if closing.is_set():
            return
