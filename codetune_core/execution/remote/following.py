"""Follows one execution of a service to its last event, over as many connections as that takes."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any
from uuid import UUID

from codetune_core.errors import EngineLost, ExecutionError
from codetune_core.execution.events import Event
from codetune_core.execution.headers import EXECUTION_HEADER, LAST_EVENT_HEADER, RESUMABLE_HEADER
from codetune_core.execution.remote.answer import Answer, Clock, is_last
from codetune_core.execution.remote.connection import ServiceConnection
from codetune_core.execution.remote.faults import Broken, Busy, Stranger, Taken, Unreachable
from codetune_core.execution.remote.recovery import Recovery

_MOST_BYTES = 128_000_000
"""Of one answer, over all its connections; no model writes so much."""


class Following:
    """One execution, from this side.

    Attributes:
        id: of the execution, the same each time that it is asked for: what runs is joined, never run twice.
        may_run: whether the service may have it running, as far as is known here.
        began: whether the service took it; from then on it is only picked up.
        is_over: whether the last event came.
    """

    def __init__(
        self, connection: ServiceConnection, recovery: Recovery, execution_id: UUID, body: dict[str, Any]
    ) -> None:
        self.id = execution_id
        self.may_run = False
        self.began = False
        self.is_over = False
        self._connection = connection
        self._recovery = recovery
        self._body = body
        self._last = 0
        self._bytes = 0
        self._is_repeated = False

    @property
    def path(self) -> str:
        """Where the service has it."""
        return f"/api/execution/{self.id}"

    async def events(self) -> AsyncGenerator[Event]:
        """Yield each event once, and Waiting while a service is waited for; raises an ExecutionError."""
        clock = Clock(self._connection.limits)
        while not self.is_over:
            try:
                async with aclosing(self._connected(clock)) as events:
                    async for event in events:
                        yield event
                continue
            except ExecutionError as error:
                failure = error
            if isinstance(failure, Taken) and self._is_repeated and not self.began:
                self.began = True  # it took the request whose answer was lost, and that is over
                continue
            self.may_run = self.began or (isinstance(failure, Unreachable) and not isinstance(failure, Stranger))
            if not isinstance(failure, Broken | Busy | Unreachable):
                raise failure
            self._is_repeated = True
            with clock.stopped(anew=not self.began):
                async with aclosing(self._recovery.after(failure, began=self.began)) as waited:
                    async for waiting in waited:
                        yield waiting

    async def _connected(self, clock: Clock) -> AsyncGenerator[Event]:
        async with self._asked() as answer:
            self.began = True
            self._recovery.connected()
            async with aclosing(answer.events(clock)) as events:
                before = self._bytes
                async for number, event in events:
                    self._bytes = before + answer.bytes
                    if self._bytes > _MOST_BYTES:
                        raise EngineLost(f"{self._connection.where} sent more than {_MOST_BYTES:,} bytes as one answer")
                    if number <= self._last:
                        continue
                    self._last, self.is_over = number, is_last(event)
                    self._recovery.went_on()
                    yield event
                    if self.is_over:
                        await answer.drain()
                        return

    def _asked(self) -> AbstractAsyncContextManager[Answer]:
        self.may_run = True
        if self.began:
            headers = {LAST_EVENT_HEADER: str(self._last)}
            return self._connection.answer("GET", f"{self.path}/events", None, headers)
        headers = {EXECUTION_HEADER: str(self.id)}
        if self._connection.resumable:
            headers[RESUMABLE_HEADER] = "1"
        return self._connection.answer("POST", "/api/execute", self._body, headers)
