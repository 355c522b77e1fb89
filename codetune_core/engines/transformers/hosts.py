"""The model processes of this user: found, started, and unloaded where memory is short."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

from codetune_core.engines.transformers.connection import Connection, ModelUnloaded, OnProgress
from codetune_core.engines.transformers.failures import Failures
from codetune_core.engines.transformers.launcher import Launcher
from codetune_core.engines.transformers.patience import Patience
from codetune_core.engines.transformers.spawn import COMMAND
from codetune_core.engines.transformers.wire import Embed, Embedded, Finished, Generate, Piece, Score, Scored, Status
from codetune_core.errors import ExecutionError
from codetune_core.models.load_plan import LoadPlan

_T = TypeVar("_T")


class Hosts:
    """Connections to model processes, one for each LoadPlan; used on one event loop.

    ``capacity`` says how many bytes models may take of a device, such as ``cpu``.
    """

    def __init__(
        self,
        folder: Path,
        capacity: Callable[[str], int],
        patience: Patience | None = None,
        command: tuple[str, ...] = COMMAND,
    ) -> None:
        self._launcher = Launcher(folder, capacity, patience or Patience(), command)
        self._connections: dict[str, Connection] = {}
        self._reaching: dict[str, asyncio.Lock] = {}
        self._failures = Failures()

    async def generate(self, plan: LoadPlan, request: Generate) -> AsyncGenerator[Piece | Finished]:
        """Stream an answer; closing the generator cancels it. Raises an ExecutionError."""
        connection = await self.connect(plan)
        try:
            async with aclosing(connection.generate(request)) as answers:
                async for answer in answers:
                    yield answer
        except ModelUnloaded:
            async with aclosing((await self.connect(plan)).generate(request)) as answers:
                async for answer in answers:
                    yield answer

    async def embed(self, plan: LoadPlan, request: Embed) -> Embedded:
        """Make vectors; raises an ExecutionError."""
        return await self._ask(plan, lambda connection: connection.embed(request))

    async def score(self, plan: LoadPlan, request: Score) -> Scored:
        """Say how well texts answer a query; raises an ExecutionError."""
        return await self._ask(plan, lambda connection: connection.score(request))

    async def connect(self, plan: LoadPlan, on_progress: OnProgress | None = None) -> Connection:
        """Return a connection to the process that has loaded a plan, started where there is none.

        Raises EngineRefused where it cannot be loaded, EngineOverloaded where others are in its way, EngineTimeout and
        EngineLost where its process hangs or dies.
        """
        async with self._reaching.setdefault(plan.key, asyncio.Lock()):
            connection = self._connections.get(plan.key)
            if connection is None or connection.lost:
                self._failures.check(plan.key)
                connection = self._connections[plan.key] = await self._launcher.reach(plan)
        try:
            await connection.ready(on_progress)
        except ModelUnloaded:
            raise
        except ExecutionError as error:
            self._failures.add(plan.key, connection, error)
            raise
        self._failures.forget(plan.key)
        return connection

    async def loaded(self) -> dict[str, Status]:
        """Return what every model process of this user says of itself, by key of its plan."""
        return await self._launcher.loaded()

    async def unload(self, model: str) -> int:
        """End every process of a model, also where requests run; return how many there were."""
        return await self._launcher.unload(model)

    async def aclose(self) -> None:
        """Hang up; processes go on for others, until nobody used them for a while."""
        connections = list(self._connections.values())
        self._connections.clear()
        await asyncio.gather(*(connection.aclose() for connection in connections))

    async def _ask(self, plan: LoadPlan, ask: Callable[[Connection], Awaitable[_T]]) -> _T:
        try:
            return await ask(await self.connect(plan))
        except ModelUnloaded:
            return await ask(await self.connect(plan))
