"""The Service: what all handlers share."""

import time
from dataclasses import dataclass, field

from aiohttp import web

from codetune_core.access.attempts import FailedAttempts
from codetune_core.bootstrap.core import Core
from codetune_core.execution.protocol import Executor
from codetune_core.service_sections import ServeSettings
from codetune_core.storage.rate_store import SqlRateStore
from codetune_remote.admission.admission import Admission
from codetune_remote.observe.metrics import Metrics
from codetune_remote.observe.readiness import Readiness
from codetune_remote.observe.traces import Traces
from codetune_remote.streams.hub import Hub


@dataclass
class Service:
    """An open core, and what this process knows of those who ask it.

    ``draining`` is set once it shall end: no new work is taken.
    """

    core: Core
    started_at: float = field(default_factory=time.monotonic)
    draining: bool = False
    admission: Admission = field(init=False)
    hub: Hub = field(init=False)
    attempts: FailedAttempts = field(default_factory=FailedAttempts)
    metrics: Metrics = field(default_factory=Metrics)
    traces: Traces | None = None
    readiness: Readiness = field(init=False)

    def __post_init__(self) -> None:
        self.admission = Admission(self.settings, SqlRateStore(self.core.database), lambda: self.draining)
        self.traces = self.traces or Traces.from_settings(self.core.settings)
        self.hub = Hub(self._executor, self.settings)
        self.hub.observers.append(self.metrics.executed)
        self.readiness = Readiness(self.core)

    @property
    def settings(self) -> ServeSettings:
        """What is allowed."""
        return self.core.settings.serve

    def _executor(self) -> Executor:
        executor = self.core.executor
        return self.traces.of(executor) if self.traces else executor


SERVICE = web.AppKey("service", Service)
PRINCIPAL = web.RequestKey("principal", object)
"""Who asks, once it is known (`codetune_remote.principal.Principal`)."""
