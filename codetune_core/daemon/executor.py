"""The Executor of programs that share one daemon: it is found or started when something is to be run."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from codetune_core.daemon.ensure import Tell, ensure
from codetune_core.domain.execution import ExecutionRequest
from codetune_core.execution.events import Event
from codetune_core.execution.remote.connection import ServiceConnection
from codetune_core.execution.remote.executor import RemoteExecutor


class DaemonExecutor:
    """Runs executions in the daemon; close it when done, which cancels what runs.

    A daemon that is killed ends what runs there with ``engine_lost``, and the next execution starts a new one.
    ``execute`` raises DaemonError where there can be none; ``tell`` gets a line where starting takes time.
    """

    def __init__(self, tell: Tell = lambda _: None) -> None:
        self._tell = tell
        self._executors: dict[Path, RemoteExecutor] = {}

    async def execute(self, request: ExecutionRequest) -> AsyncGenerator[Event]:
        executor = self._at(await ensure(tell=self._tell))
        async with aclosing(executor.execute(request)) as events:
            async for event in events:
                yield event

    async def aclose(self) -> None:
        """Cancel what runs, and hang up."""
        for executor in self._executors.values():
            await executor.aclose()

    def _at(self, path: Path) -> RemoteExecutor:
        if path not in self._executors:
            connection = ServiceConnection.to_socket(path, start=self._started)
            self._executors[path] = RemoteExecutor(connection)
        return self._executors[path]

    async def _started(self) -> None:
        await ensure(tell=self._tell)
