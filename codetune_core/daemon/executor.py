"""The Executor of programs that share one daemon: it is found or started when something is to be run."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from codetune_core.daemon.ensure import Tell, ensure
from codetune_core.daemon.identity import running
from codetune_core.daemon.place import daemon_files
from codetune_core.domain.execution import ErrorKind, ExecutionRequest, Feedback
from codetune_core.errors import CodeTuneError
from codetune_core.execution.events import Event, Failed
from codetune_core.execution.remote.connection import ServiceConnection
from codetune_core.execution.remote.executor import RemoteExecutor
from codetune_core.execution.remote.faults import Unreachable


class DaemonExecutor:
    """Runs executions in the daemon; close it when done, which cancels what runs.

    ``session_id`` is that of executions that name none: an experiment answers all of a session by one version.

    A daemon that is killed ends what runs there with ``engine_lost``, and the next execution starts a new one; so ends,
    as ``unavailable``, what no daemon can be had for. ``tell`` gets a line where starting takes time.
    """

    def __init__(self, tell: Tell = lambda _: None, session_id: str = "") -> None:
        self._tell = tell
        self._session_id = session_id
        self._executors: dict[Path, RemoteExecutor] = {}

    async def execute(self, request: ExecutionRequest) -> AsyncGenerator[Event]:
        try:
            executor = self._at(await self._found())
        except Unreachable as error:
            yield Failed(kind=ErrorKind.ENGINE_LOST, message=str(error), unavailable=True)
            return
        request = replace(request, session_id=request.session_id or self._session_id)
        async with aclosing(executor.execute(request)) as events:
            async for event in events:
                yield event

    async def rate(self, execution_id: UUID, feedback: Feedback) -> bool:
        """Note what became of an answer; no daemon is started for it: raises Unreachable where none runs."""
        files = daemon_files()
        if running(files) is None:
            raise Unreachable("no daemon runs, so the rating was not noted")
        return await self._at(files.socket).rate(execution_id, feedback)

    async def aclose(self) -> None:
        """Cancel what runs, and hang up."""
        for executor in self._executors.values():
            await executor.aclose()

    def _at(self, path: Path) -> RemoteExecutor:
        if path not in self._executors:
            connection = ServiceConnection.to_socket(path, start=self._found)
            self._executors[path] = RemoteExecutor(connection)
        return self._executors[path]

    async def _found(self) -> Path:
        """Return the daemon's socket; raises Unreachable where there can be none."""
        try:
            return await ensure(tell=self._tell)
        except CodeTuneError as error:
            raise Unreachable(str(error)) from error
