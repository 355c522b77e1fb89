"""Where a command's executions run: in the daemon of this user, or in the command's own process."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from codetune_core.bootstrap.core import Core
from codetune_core.daemon.ensure import ensure
from codetune_core.daemon.executor import DaemonExecutor
from codetune_core.daemon.own import are_own
from codetune_core.errors import CodeTuneError
from codetune_core.execution.protocol import Executor
from codetune_core.settings import Settings


@asynccontextmanager
async def executor_for(core: Core) -> AsyncIterator[Executor]:
    """Give what runs executions as the core's settings say.

    That is the daemon, unless it would run them by other settings, such as those of the command line or of a workspace;
    where it cannot be used, that is said, and they run here.
    """
    if not _are_shared(core.settings):
        yield core.executor
        return
    try:
        await ensure(tell=_tell)
    except CodeTuneError as error:
        _tell(f"it runs in this process instead: {error}")
        yield core.executor
        return
    executor = DaemonExecutor(_tell)
    try:
        yield executor
    finally:
        await executor.aclose()


def _are_shared(settings: Settings) -> bool:
    return settings.daemon.enabled and sys.platform != "win32" and are_own(settings)


def _tell(text: str) -> None:
    click.echo(f"notice: {text}", err=True)
