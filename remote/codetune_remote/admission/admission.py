"""Lets work begin: refuses it while the service ends, counts it against its user's limit, and gives it a turn."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from codetune_core.domain.execution import Priority
from codetune_core.execution.rate import RateStore
from codetune_core.service_sections import ServeSettings
from codetune_remote.admission.gate import Gate, GateFull, Ticket
from codetune_remote.admission.limits import RateLimits
from codetune_remote.principal import Principal
from codetune_remote.problems import Refusal


class Admission:
    """What everything passes that keeps an engine busy: executions, embeddings, rerankings.

    ``draining`` tells whether no new work is taken.
    """

    def __init__(self, settings: ServeSettings, rates: RateStore, draining: Callable[[], bool]) -> None:
        self.gate = Gate(settings)
        self._limits = RateLimits(rates, settings.requests_per_minute)
        self._drain_seconds = settings.drain_seconds
        self._draining = draining

    async def enter(
        self,
        request: web.Request,
        principal: Principal,
        priority: Priority = Priority.EXPLICIT,
        deadline_seconds: float | None = None,
    ) -> Ticket:
        """Take a place in the queue, which its taker must leave; raises Refusal: 429 or 503, with Retry-After."""
        if self._draining():
            raise _ending(self._drain_seconds)
        try:
            ticket = self.gate.enter(principal.user_id, priority, deadline_seconds)
        except GateFull as full:
            headers = {"Retry-After": str(full.retry_after)}
            raise Refusal(429, "overloaded", str(full), headers=headers) from None
        try:
            await self._limits.count(request, principal.user_id)
        except BaseException:
            ticket.leave()
            raise
        return ticket

    @asynccontextmanager
    async def turn(
        self,
        request: web.Request,
        principal: Principal,
        priority: Priority = Priority.EXPLICIT,
        deadline_seconds: float | None = None,
    ) -> AsyncIterator[Ticket]:
        """Wait for a turn, and have it inside; raises Refusal like ``enter``, and EngineTimeout after the deadline."""
        async with await self.enter(request, principal, priority, deadline_seconds) as ticket:
            yield ticket


def _ending(drain_seconds: float) -> Refusal:
    seconds = max(1, round(drain_seconds))
    detail = f"the service is about to end: ask again in {seconds} s"
    return Refusal(503, "draining", detail, headers={"Retry-After": str(seconds)})
