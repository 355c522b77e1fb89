"""A model process, seen from outside."""

import asyncio
import signal

from codetune_core.engines.transformers.spawn import Spawned, log_tail
from codetune_core.errors import EngineLost
from codetune_core.runtime.folder import Files, holder
from codetune_core.runtime.holding import holding


class ModelUnloaded(EngineLost):
    """The process ended in good order before it had begun with the request: another one may be asked."""


class Host:
    """The process of one LoadPlan, whoever started it.

    Attributes:
        model: what users call its model.
        files: where it is met.
        spawned: None where another process started it.
    """

    def __init__(self, model: str, files: Files, spawned: Spawned | None = None) -> None:
        self.model, self.files, self.spawned = model, files, spawned

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return holder(self.files.lock) is not None

    def kill(self) -> None:
        """End it at once, whatever it does."""
        with holding(self.files.lock) as found:
            if found:
                found.send(signal.SIGKILL)

    async def end(self) -> EngineLost:
        """Return how it ended, and what it wrote last; ModelUnloaded where it ended in good order."""
        how = await asyncio.to_thread(self.spawned.how_it_ended) if self.spawned else ""
        what = f"the model process of {self.model} {how or 'ended'}"
        if how.endswith("code 0"):
            return ModelUnloaded(what)
        said = log_tail(self.files.log).rpartition("\n")[2]
        return EngineLost(f"{what}: {said} (more in {self.files.log})" if said else what)
