"""Models that are loaded beforehand, in the background, and unloaded: one load for all who ask for the same model."""

import asyncio
import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from codetune_core.domain.clock import utc_now
from codetune_core.domain.execution import ModelIdentity, Role
from codetune_core.domain.faults import log_fault
from codetune_core.engines.transformers.engine import TransformersEngine
from codetune_core.engines.transformers.wire import Loading, Status
from codetune_core.errors import CodeTuneError, SettingsError
from codetune_core.models.spec import ModelSpec

_LOG = logging.getLogger(__name__)
_AT_ONCE_SECONDS = 0.25
"""A model that is loaded already, or cannot be, is said so within this."""


class LoadState(StrEnum):
    """How far a load is."""

    LOADING = "loading"
    LOADED = "loaded"
    FAILED = "failed"


@dataclass(slots=True)
class Load:
    """One load of a model, as far as it is.

    Attributes:
        stage: what is being done.
        part: how much of that is, from 0 to 1.
        load_seconds: what it took, once it is loaded.
        error: why it failed.
    """

    model: ModelIdentity
    started_at: dt.datetime
    state: LoadState = LoadState.LOADING
    stage: str = ""
    part: float = 0
    load_seconds: float | None = None
    error: str = ""

    def progress(self, loading: Loading) -> None:
        """Note how far it is."""
        self.stage, self.part = loading.stage, loading.part


@dataclass(frozen=True, slots=True)
class Unloaded:
    """Which models were unloaded, in how many processes; ``loaded`` are all that had been loaded before."""

    models: tuple[str, ...]
    processes: int
    loaded: tuple[str, ...]


class ModelLoads:
    """Loads and unloads the models of this machine; ``make`` makes the engine, once it is needed."""

    def __init__(self, make: Callable[[], TransformersEngine]) -> None:
        self._make = make
        self._engine: TransformersEngine | None = None
        self._loads: dict[ModelIdentity, tuple[Load, asyncio.Task[None]]] = {}

    async def begin(self, name: str, role: Role) -> Load:
        """Begin to load a model, that of the role where it has no name; who asks for one that is being loaded joins.

        Raises SettingsError where it cannot be loaded here, whose text says what to do.
        """
        engine = self._opened()
        meant = await engine.model(name, role)
        load, task = self._loads.get(meant, (None, None))
        if load is None or task is None or load.state is not LoadState.LOADING:
            load = Load(meant, utc_now())
            task = asyncio.create_task(_run(engine, load, name, role))
            self._loads[meant] = load, task
        await asyncio.wait({task}, timeout=_AT_ONCE_SECONDS)
        return load

    def under_way(self) -> list[Load]:
        """Return what is being loaded, and what failed to be when it was last tried; the oldest first."""
        return [load for load, _ in self._loads.values() if load.state is not LoadState.LOADED]

    async def loaded(self) -> list[Status]:
        """Return what each model process of this user says of itself; none where this system can have none."""
        try:
            engine = self._opened()
        except SettingsError:
            return []
        return sorted(await engine.loaded(), key=lambda each: each.model)

    async def unload(self, name: str, spec: ModelSpec | None) -> Unloaded:
        """End every process of a model, also where it answers somebody; raises SettingsError like ``begin``.

        ``spec`` is what the name means in the catalogue; None where it means nothing any more.
        """
        return await unload(self._opened(), name, spec)

    async def aclose(self) -> None:
        """Hang up; models go on being loaded, and stay loaded until nobody used them for a while."""
        tasks = [task for _, task in self._loads.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._engine:
            await self._engine.aclose()

    def _opened(self) -> TransformersEngine:
        self._engine = self._engine or self._make()
        return self._engine


async def unload(engine: TransformersEngine, name: str, spec: ModelSpec | None) -> Unloaded:
    """End every process of a model, by what it was called or by what that name means now; of all where it is empty."""
    loaded = sorted({each.model for each in await engine.loaded()})
    meant = [each for each in loaded if not name or each in {name, spec and spec.name}]
    return Unloaded(tuple(meant), sum([await engine.unload(each) for each in meant]), tuple(loaded))


async def _run(engine: TransformersEngine, load: Load, name: str, role: Role) -> None:
    try:
        ready = await engine.load(name, role, load.progress)
    except CodeTuneError as error:
        load.state, load.error = LoadState.FAILED, str(error)
    except Exception as error:  # noqa: BLE001 - whoever asks next is told
        log_fault(_LOG, f"{load.model.name} cannot be loaded", error)
        load.state, load.error = LoadState.FAILED, "an unexpected error: the log says where"
    else:
        load.state, load.load_seconds, load.part = LoadState.LOADED, ready.load_seconds, 1
