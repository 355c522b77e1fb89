"""A model process, seen from outside."""

import asyncio
import os
import signal
from contextlib import suppress

from codetune_core.engines.transformers.runtime_folder import Files, holder
from codetune_core.engines.transformers.spawn import Spawned, log_tail


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
        if pid := holder(self.files.lock):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def why(self) -> str:
        """Say how it ended, and what it wrote last."""
        how = await asyncio.to_thread(self.spawned.how_it_ended) if self.spawned else ""
        said = log_tail(self.files.log).rpartition("\n")[2]
        what = f"the model process of {self.model} {how or 'ended'}"
        return f"{what}: {said} (more in {self.files.log})" if said else what
