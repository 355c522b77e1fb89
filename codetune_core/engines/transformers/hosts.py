"""The model processes of this user: found, started, and unloaded where memory is short."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

from codetune_core.engines.transformers.connection import Connection, OnProgress
from codetune_core.engines.transformers.failures import Failures
from codetune_core.engines.transformers.host import ModelUnloaded
from codetune_core.engines.transformers.launcher import Launcher
from codetune_core.engines.transformers.patience import Patience
from codetune_core.engines.transformers.spawn import COMMAND
from codetune_core.engines.transformers.wire import Embed, Embedded, Finished, Generate, Piece, Score, Scored, Status
from codetune_core.errors import EngineLost, ExecutionError
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
        self._reaching: dict[str, asyncio.Task[Connection]] = {}
        self._failures = Failures()

    async def generate(self, plan: LoadPlan, request: Generate) -> AsyncGenerator[Piece | Finished]:
        """Stream an answer; closing the generator cancels it. Raises an ExecutionError."""
        for last_try in (False, True):
            begun = False
            try:
                connection = await self.connect(plan)
                async with aclosing(connection.generate(request)) as answers:
                    async for answer in answers:
                        begun = True
                        yield answer
            except ModelUnloaded:
                if last_try or begun:
                    raise
            else:
                return

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
        connection = self._connections.get(plan.key)
        if connection is None or connection.lost:
            connection = await asyncio.shield(self._reaching.get(plan.key) or self._start_reaching(plan))
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
        for task in self._reaching.values():
            task.cancel()
        await asyncio.gather(*self._reaching.values(), return_exceptions=True)
        connections = list(self._connections.values())
        self._connections.clear()
        await asyncio.gather(*(connection.aclose() for connection in connections))

    async def _ask(self, plan: LoadPlan, ask: Callable[[Connection], Awaitable[_T]]) -> _T:
        try:
            return await ask(await self.connect(plan))
        except ModelUnloaded:
            return await ask(await self.connect(plan))

    def _start_reaching(self, plan: LoadPlan) -> asyncio.Task[Connection]:
        """One attempt, for all who wait for it, whether or not they go on waiting."""

        def end(task: asyncio.Task[Connection]) -> None:
            del self._reaching[plan.key]
            if not task.cancelled():
                task.exception()  # is raised where it is waited for, if anywhere

        task = self._reaching[plan.key] = asyncio.create_task(self._reach(plan))
        task.add_done_callback(end)
        return task

    async def _reach(self, plan: LoadPlan) -> Connection:
        self._failures.check(plan.key)
        try:
            connection = self._connections[plan.key] = await self._launcher.reach(plan)
        except ModelUnloaded:
            raise
        except EngineLost as error:
            self._failures.add(plan.key, object(), error)
            raise
        return connection
