"""Runs executions on a service, which may be the daemon of this machine: the Executor over HTTP."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import asdict
from typing import Any, Self
from uuid import UUID

from pydantic import ValidationError

from codetune_core.domain.execution import ErrorKind, ExecutionRequest, Feedback, Priority
from codetune_core.domain.identifiers import new_id
from codetune_core.errors import CodeTuneError, ExecutionCancelled, ExecutionError, InvalidInput
from codetune_core.execution.background import Background
from codetune_core.execution.events import Event, Failed
from codetune_core.execution.remote.connection import ServiceConnection
from codetune_core.execution.remote.faults import Gone, Unreachable
from codetune_core.execution.remote.following import Following
from codetune_core.execution.remote.recovery import Recovery, Route
from codetune_core.execution.remote.space import Space
from codetune_core.execution.remote.wakings import Wakings
from codetune_core.execution.wire import ExecuteBody
from codetune_core.service_sections import RemoteSettings

_CANCEL_SECONDS = 5
_CANCEL_TRIES = 3
_LATE_SECONDS = 0.2


class RemoteExecutor:
    """Runs executions on a service; close it when done, which closes the connection.

    The events are those of the service. What keeps a request from it, or its answer from here, is the stream's last
    event. Nothing is generated twice: a request is repeated with its id, and joins what runs. Who stops reading before
    the last event cancels the execution.
    """

    def __init__(self, connection: ServiceConnection, *, space: Space | None = None, waits: bool = True) -> None:
        """Use a connection, to a Space where it is one; ``waits`` where one that cannot be reached is waited for."""
        self._connection = connection
        self._route = Route(connection, space, waits)
        self._stopped = asyncio.Event()
        self._running: set[Following] = set()
        self._background = Background()

    @classmethod
    def to_service(cls, asked: RemoteSettings) -> Self:
        """Return what runs executions on the service of a team; raises SettingsError for settings of no use."""
        connection = ServiceConnection.to_service(asked)
        space = Space(connection, connection.front, Wakings()) if connection.front else None
        return cls(connection, space=space, waits=asked.when_unavailable == "wait")

    async def execute(self, request: ExecutionRequest) -> AsyncGenerator[Event]:
        following: Following | None = None
        try:
            following = self._following(request)
            async with aclosing(following.events()) as events:
                async for event in events:
                    yield event
        except (GeneratorExit, asyncio.CancelledError):
            raise
        except CodeTuneError as error:
            last = _failed(error, unavailable=following is not None and not following.began)
        else:
            return
        finally:
            if following is not None:
                self._left(following)
        yield last

    async def rate(self, execution_id: UUID, feedback: Feedback) -> bool:
        said = {"execution_id": str(execution_id), **asdict(feedback)}
        try:
            await self._connection.post("/api/execution/feedback", said)
        except Gone:
            return False
        return True

    async def ask(self, path: str, seconds: float) -> Any:
        """Return what a GET of the service gives, as JSON; raises an ExecutionError whose words say what to do."""
        return await self._connection.get(path, seconds)

    async def ask_awake(self, path: str, seconds: float) -> Any:
        """Return what ``ask`` does, and wake nobody.

        Raises Unreachable for a Space that does not run, or of which the Hub does not say that it does.
        """
        if self._route.space and not await self._route.space.runs():
            raise Unreachable(f"{self._connection.where} sleeps, or cannot be reached")
        return await self.ask(path, seconds)

    @property
    def may_sleep(self) -> bool:
        """Whether it is a Space, which falls asleep where nobody asks it."""
        return self._route.space is not None

    @property
    def leaves(self) -> bool:
        """Whether what is sent leaves this machine."""
        return self._connection.leaves

    async def aclose(self) -> None:
        """Cancel what runs, wait until the service knows, and close the connection."""
        self._stopped.set()
        for following in list(self._running):
            self._background.begin(self._cancel(following))
        await self._background.finished()
        await self._connection.aclose()

    def _following(self, request: ExecutionRequest) -> Following:
        if self._stopped.is_set():
            raise ExecutionCancelled("it was stopped before it began")
        patient = request.priority is not Priority.TYPING
        recovery = Recovery(self._route, self._stopped, patient=patient)
        following = Following(self._connection, recovery, request.id or new_id(), self._body(request))
        self._running.add(following)
        return following

    def _body(self, request: ExecutionRequest) -> dict[str, Any]:
        seconds = self._connection.limits.first_event
        try:
            body = ExecuteBody.of(request, seconds if seconds < float("inf") else None)
        except (ValidationError, TypeError, ValueError) as error:
            raise InvalidInput(f"the request cannot be sent: {_wrong(error)}") from error
        return body.model_dump(mode="json")

    def _left(self, following: Following) -> None:
        """Tell a service that keeps what is not read for a while; any other has seen the connection close."""
        self._running.discard(following)
        if following.may_run and not following.is_over and self._connection.resumable:
            self._background.begin(self._cancel(following))

    async def _cancel(self, following: Following) -> None:
        """Stop an execution; a request that is still on its way may come after this one."""
        with suppress(TimeoutError, CodeTuneError):
            async with asyncio.timeout(_CANCEL_SECONDS):
                for _ in range(_CANCEL_TRIES):
                    with suppress(Gone):
                        await self._connection.delete(following.path)
                        return
                    await asyncio.sleep(_LATE_SECONDS)


def _failed(error: CodeTuneError, *, unavailable: bool) -> Failed:
    kind = ErrorKind(error.kind) if isinstance(error, ExecutionError) else ErrorKind.INTERNAL
    return Failed(kind=kind, message=str(error), unavailable=unavailable and isinstance(error, Unreachable))


def _wrong(error: Exception) -> str:
    """Say what is wrong without what was sent: it may be code."""
    if not isinstance(error, ValidationError):
        return type(error).__name__
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
