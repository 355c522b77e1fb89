"""The Service: what all handlers share."""

import time
from dataclasses import dataclass, field

from aiohttp import web

from codetune_core.bootstrap.core import Core
from codetune_core.sections import ServeSettings


@dataclass
class Service:
    """An open core, and what this process knows of those who ask it.

    ``draining`` is set once it shall end: no new work is taken.
    """

    core: Core
    started_at: float = field(default_factory=time.monotonic)
    draining: bool = False

    @property
    def settings(self) -> ServeSettings:
        """What is allowed."""
        return self.core.settings.serve


SERVICE = web.AppKey("service", Service)
PRINCIPAL = web.RequestKey("principal", object)
"""Who asks, once it is known (`codetune_remote.principal.Principal`)."""
