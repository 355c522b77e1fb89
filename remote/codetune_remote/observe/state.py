"""What runs at the moment: models, memory, queue, and what was spent today; looked at when somebody asks."""

import asyncio
import datetime as dt
import logging
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from codetune_core.bootstrap.core import Core
from codetune_core.domain.clock import utc_now
from codetune_core.engines.transformers.wire import Status
from codetune_core.errors import CodeTuneError
from codetune_core.history.protocol import Group
from codetune_core.models.hardware import Gpu, gpus

_SECONDS = 5
"""What does not say within this is left out."""
_LOG = logging.getLogger(__name__)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class State:
    """None where a part could not be found out."""

    models: Sequence[Status] | None
    gpus: Sequence[Gpu] | None
    today: Sequence[Group] | None
    """Of each model, by all replicas, since midnight UTC."""


async def look(core: Core) -> State:
    """Ask the model processes, the driver and the database."""
    midnight = dt.datetime.combine(utc_now().date(), dt.time(), dt.UTC)
    models, cards, today = await asyncio.gather(
        _or_none("models", core.loads.loaded()),
        _or_none("graphics processors", asyncio.to_thread(gpus)),
        _or_none("history", core.history.statistics("model", midnight)),
    )
    return State(models, cards, today)


async def _or_none(what: str, asked: Awaitable[_T]) -> _T | None:
    try:
        async with asyncio.timeout(_SECONDS):
            return await asked
    except (CodeTuneError, TimeoutError) as error:
        _LOG.warning("figures without %s: %s", what, error or "no answer in time")
        return None
