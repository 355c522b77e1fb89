"""Sends outcomes one after the other to whoever keeps the history; who cannot be reached is asked again later."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from codetune_core.domain.execution import Feedback, Outcome
from codetune_core.errors import CodeTuneError
from codetune_core.execution.protocol import Executor
from codetune_core.execution.remote.faults import Unreachable

logger = logging.getLogger(__name__)
_MOST = 256
"""Executions whose outcome is remembered, the oldest forgotten first."""
_BEFORE_USE = (None, Outcome.SHOWN, Outcome.REJECTED)
_FIRST: dict[Outcome, tuple[Outcome | None, ...]] = {
    Outcome.SHOWN: (None,),
    Outcome.REJECTED: (None, Outcome.SHOWN),
    Outcome.ACCEPTED: _BEFORE_USE,
}
"""What may have been said before these; of an answer that was used, the rest says how it went on."""


class Sender:
    """What is known of each execution, and what of it is still to be sent."""

    def __init__(self, executor: Callable[[], Awaitable[Executor]]) -> None:
        self._executor = executor
        self._known: dict[UUID, Outcome | None] = {}
        self._waiting: dict[UUID, Feedback] = {}
        self._sending: asyncio.Task[None] | None = None

    def tell(self, execution_id: UUID, outcome: Outcome, text: str | None = None) -> None:
        """Note an outcome and begin to send it, unless it is known or a later one is."""
        known = self._known.pop(execution_id, None)
        follows = outcome is not known and (outcome not in _FIRST or known in _FIRST[outcome])
        self._known[execution_id] = outcome if follows else known
        _forget_oldest(self._known)
        if follows:
            waits = self._waiting.pop(execution_id, Feedback())
            self._waiting[execution_id] = replace(waits, outcome=outcome, text=text or waits.text)
            _forget_oldest(self._waiting)
        if self._waiting and (self._sending is None or self._sending.done()):
            self._sending = asyncio.create_task(self._send())

    async def rate(self, execution_id: UUID, feedback: Feedback) -> bool:
        """Send a person's own words at once; raises a CodeTuneError where that cannot be done."""
        return await (await self._executor()).rate(execution_id, feedback)

    async def sent(self) -> None:
        """Wait until everything was tried."""
        if self._sending:
            await asyncio.shield(self._sending)

    async def aclose(self) -> None:
        """Send no more."""
        if self._sending:
            self._sending.cancel()
            await asyncio.wait([self._sending])

    async def _send(self) -> None:
        executor = await self._executor()
        while self._waiting:
            execution_id = next(iter(self._waiting))
            feedback = self._waiting.pop(execution_id)
            try:
                await executor.rate(execution_id, feedback)
            except Unreachable:
                self._waiting = {execution_id: feedback, **self._waiting}
                return
            except CodeTuneError as error:
                logger.info("an outcome was refused: %s", error)


def _forget_oldest(remembered: dict[UUID, Any]) -> None:
    while len(remembered) > _MOST:
        del remembered[next(iter(remembered))]
