"""Where a command's executions run: in the daemon of this user, or in the command's own process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from codetune_core.cli.core import say
from codetune_core.daemon.ensure import ensure
from codetune_core.daemon.executor import DaemonExecutor
from codetune_core.daemon.own import are_own, why_without_daemon
from codetune_core.domain.execution import Role
from codetune_core.engines.protocol import Engine
from codetune_core.engines.registry import UNSET, build
from codetune_core.errors import CodeTuneError, PromptNotFound, SettingsError
from codetune_core.execution.protocol import Executor
from codetune_core.execution.remote.connection import ServiceConnection
from codetune_core.execution.remote.faults import Busy, Gone, Unreachable
from codetune_core.prompts.wire import Choosing, ChosenVersion
from codetune_core.settings import Settings

if TYPE_CHECKING:
    from codetune_core.bootstrap.core import Core


class Runner(Protocol):
    """Runs executions.

    Attributes:
        executor: what runs them.
        engine: that of this process, to be asked whether anybody answers; None where that is not known here.
    """

    executor: Executor
    engine: Engine | None

    async def chosen(self, name: str, asked: Choosing) -> ChosenVersion:
        """Return which version of a prompt would answer; raises PromptNotFound."""
        ...


@asynccontextmanager
async def runner(settings: Settings) -> AsyncIterator[Runner]:
    """Give what runs executions as settings say.

    That is the daemon, unless it would run them by other settings, such as those of the command line or of a workspace;
    where it cannot be used, that is said, and they run here. Who uses the daemon opens no database.
    """
    if _are_shared(settings):
        async with _found_here(settings) as engine:
            if await _anybody_answers(settings, engine) and (path := await _daemon()):
                async with _in_daemon(path, engine) as there:
                    yield there
                return
    from codetune_core.bootstrap.core import open_core  # noqa: PLC0415 - half of the time that the daemon saves

    async with open_core(settings) as core:
        say(core.notices)
        yield _Here(core)


def _are_shared(settings: Settings) -> bool:
    return not why_without_daemon(settings) and are_own(settings)


@asynccontextmanager
async def _found_here(settings: Settings) -> AsyncIterator[Engine | None]:
    """Give the engine that is looked for where the user has chosen none; None where one is chosen, or a service."""
    if settings.engine.name not in UNSET or settings.remote.base_url:
        yield None
        return
    from codetune_core.outbound.engine import guarded  # noqa: PLC0415 - who has chosen an engine waits for none of it
    from codetune_core.outbound.gate import Gate  # noqa: PLC0415

    engine = guarded(build(settings), Gate(settings.outbound))
    try:
        yield engine
    finally:
        await engine.aclose()


async def _anybody_answers(settings: Settings, engine: Engine | None) -> bool:
    """Whether it is worth to start a daemon: nobody waits for one to be told that there is no engine."""
    for role in (Role.REVIEW, Role.GENERATION, Role.COMPLETION):
        with suppress(SettingsError):
            if engine:
                await engine.model(settings.engine.model, role)
            return True
    return False


async def _daemon() -> Path | None:
    """Return the socket of the daemon; None, which is said, where it cannot be used."""
    try:
        return await ensure(tell=_tell)
    except CodeTuneError as error:
        _tell(f"it runs in this process instead: {error}")
        return None


@asynccontextmanager
async def _in_daemon(path: Path, engine: Engine | None) -> AsyncIterator[Runner]:
    executor = DaemonExecutor(_tell)
    try:
        yield _InDaemon(path, executor, engine)
    finally:
        await executor.aclose()


class _Here:
    def __init__(self, core: "Core") -> None:
        self.executor = core.executor
        self.engine: Engine | None = None if core.settings.remote.base_url else core.engine
        self.chosen = core.chosen


class _InDaemon:
    def __init__(self, path: Path, executor: Executor, engine: Engine | None) -> None:
        self.executor = executor
        self.engine = engine
        self._path = path

    async def chosen(self, name: str, asked: Choosing) -> ChosenVersion:
        with suppress(Busy, Unreachable):  # it ended a moment ago
            return await self._asked(self._path, name, asked)
        return await self._asked(await ensure(tell=_tell), name, asked)

    async def _asked(self, path: Path, name: str, asked: Choosing) -> ChosenVersion:
        daemon = ServiceConnection.to_socket(path)
        try:
            said = await daemon.get(asked.path(name))
        except Gone as error:
            raise PromptNotFound(error.detail) from error
        finally:
            await daemon.aclose()
        return ChosenVersion.model_validate(said)


def _tell(text: str) -> None:
    click.echo(f"notice: {text}", err=True)
