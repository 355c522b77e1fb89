"""The Service: what all handlers share."""

import time
from dataclasses import dataclass, field

from aiohttp import web

from codetune_core.access.attempts import FailedAttempts
from codetune_core.bootstrap.core import Core
from codetune_core.sections import ServeSettings
from codetune_core.storage.rate_store import SqlRateStore
from codetune_remote.admission.admission import Admission
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

    def __post_init__(self) -> None:
        self.admission = Admission(self.settings, SqlRateStore(self.core.database), lambda: self.draining)
        self.hub = Hub(lambda: self.core.executor, self.settings)

    @property
    def settings(self) -> ServeSettings:
        """What is allowed."""
        return self.core.settings.serve


SERVICE = web.AppKey("service", Service)
PRINCIPAL = web.RequestKey("principal", object)
"""Who asks, once it is known (`codetune_remote.principal.Principal`)."""
