"""Finds out whether the service can execute: its database, its engine, and the models that load."""

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path

from codetune_core.bootstrap.core import Core
from codetune_core.domain.execution import Role
from codetune_core.engines.transformers.loads import LoadState
from codetune_core.engines.transformers.wire import Status
from codetune_core.errors import CodeTuneError, SettingsError
from codetune_core.models.load_times import LoadTimes
from codetune_core.runtime.folder import runtime_folder
from codetune_core.storage.alive import check_alive
from codetune_remote.replies.readiness import LoadingModel, ReadyReply

_SECONDS = 3
"""What does not say within this does not answer."""
_REMEMBERED_SECONDS = 1.0
_ROLES = (Role.REVIEW, Role.GENERATION, Role.COMPLETION)
WEIGHTS = "weights.json"
"""In the runtime folder: what a container does with the weights it was told to fetch."""
_LOG = logging.getLogger(__name__)


class Readiness:
    """What was found is remembered for a second, so that probes cost nothing."""

    def __init__(self, core: Core, times: LoadTimes | None = None) -> None:
        self._core = core
        self._times = times or LoadTimes()
        self._found: tuple[float, ReadyReply] | None = None
        self._looking = asyncio.Lock()

    async def look(self) -> ReadyReply:
        """Return whether executions can run."""
        async with self._looking:
            if self._found is None or time.monotonic() - self._found[0] > _REMEMBERED_SECONDS:
                self._found = time.monotonic(), await self._look()
            return self._found[1]

    async def _look(self) -> ReadyReply:
        try:
            async with asyncio.timeout(_SECONDS):
                await check_alive(self._core.database)
        except (CodeTuneError, TimeoutError) as error:
            _LOG.warning("not ready, for the database does not answer: %s", error)
            return ReadyReply(status="unavailable", detail="the database does not answer")
        if self._core.settings.remote.base_url:
            return ReadyReply(status="ready", engine="remote")
        statuses, fetched = await asyncio.gather(self._statuses(), asyncio.to_thread(_fetched))
        loading = (*self._loading(statuses), *fetched)
        wait = any(each.state != "failed" for each in loading)
        if wait and not any(status.loaded for status in statuses):
            return ReadyReply(status="loading", detail="no model is loaded yet", loading=loading)
        return await self._by_engine(loading)

    async def _by_engine(self, loading: tuple[LoadingModel, ...]) -> ReadyReply:
        name = self._core.settings.engine.name
        found = await asyncio.gather(*(self._answers(role) for role in _ROLES))
        if None in found:
            return ReadyReply(status="ready", engine=name, loading=loading)
        if name in {"auto", "none", ""} and all(isinstance(error, SettingsError) for error in found):
            detail = "no engine is set, and none was found: prompts are served, and nothing can be executed"
            return ReadyReply(status="prompts-only", detail=detail, loading=loading)
        return ReadyReply(status="unavailable", detail=f"the engine {name} does not answer", loading=loading)

    async def _answers(self, role: Role) -> Exception | None:
        """Return why no model answers for a role; None where one does."""
        try:
            async with asyncio.timeout(_SECONDS):
                await self._core.engine.model(self._core.settings.engine.model, role)
        except (CodeTuneError, TimeoutError) as error:
            return error
        return None

    async def _statuses(self) -> Sequence[Status]:
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._core.loads.loaded()
        except (CodeTuneError, TimeoutError):
            return ()

    def _loading(self, statuses: Sequence[Status]) -> list[LoadingModel]:
        """Return what is being loaded, whoever asked for it, and what could not be."""
        known = {load.model.name: load for load in self._core.loads.under_way()}
        found = []
        for status in statuses:
            if status.loaded:
                known.pop(status.model, None)
                continue
            load = known.pop(status.model, None)
            told = {"stage": load.stage, "part": load.part} if load else {}
            left = self._remaining(status, load.part if load else 0)
            found.append(_of(status.model, "loading", seconds=status.loading_seconds, remaining_seconds=left, **told))
        for name, load in known.items():
            state = "failed" if load.state is LoadState.FAILED else "loading"
            found.append(_of(name, state, stage=load.stage, part=load.part))
        return found

    def _remaining(self, status: Status, part: float) -> float | None:
        """Return seconds from what it took before; where it never did, nothing is made up."""
        expected = self._times.expected(status.model, status.quantization, status.device)
        if expected is None:
            return None
        return round(max(expected - status.loading_seconds, expected * (1 - part) * 0.1, 1.0), 1)


def _of(model: str, state: str, **told: object) -> LoadingModel:
    return LoadingModel.model_validate({"model": model, "state": state, **told})


def _fetched() -> list[LoadingModel]:
    """Return the models whose weights a container still fetches; what it loads is told by the model's process."""
    try:
        said = json.loads((_runtime() / WEIGHTS).read_bytes())
        return [_of(name, state) for name, state in said.items() if state in {"waiting", "pulling", "failed"}]
    except (OSError, ValueError, AttributeError, SettingsError):
        return []


def _runtime() -> Path:
    return runtime_folder("codetune")
