"""Records some executions a moment after they ended, many in one transaction."""

import asyncio
import logging
from collections.abc import Callable

from codetune_core.domain.execution import Execution
from codetune_core.domain.faults import log_fault
from codetune_core.history.protocol import HistoryStore

_LOG = logging.getLogger(__name__)
_SECONDS = 0.2
_MOST = 500


class Behind:
    """Executions that have ended and are not yet written; a crash loses those of the last fifth of a second."""

    def __init__(self, store: HistoryStore) -> None:
        self._store = store
        self._waiting: list[Callable[[], Execution | None]] = []
        self._writing: asyncio.Task[None] | None = None
        self._full = asyncio.Event()

    def add(self, ended: Callable[[], Execution | None]) -> None:
        """Have what this gives written soon; it is asked when that is due."""
        self._waiting.append(ended)
        if len(self._waiting) >= _MOST:
            self._full.set()
        if self._writing is None:
            self._writing = asyncio.create_task(self._written())

    async def flush(self) -> None:
        """Wait until all that was added is written."""
        if self._writing:
            self._full.set()
            await asyncio.shield(self._writing)

    async def _written(self) -> None:
        while self._waiting:
            if len(self._waiting) < _MOST:
                await self._moment()
            waiting, self._waiting = self._waiting, []
            ended = [execution for give in waiting if (execution := _given(give))]
            if not ended:
                continue
            try:
                await self._store.add(ended)
            except Exception:  # noqa: BLE001 - one of them is at fault, or what all need
                await self._each(ended)
        self._writing = None

    async def _each(self, executions: list[Execution]) -> None:
        for execution in executions:
            try:
                await self._store.end(execution)
            except Exception as error:  # noqa: BLE001 - an answer is not taken back because it could not be recorded
                log_fault(_LOG, f"execution {execution.id} could not be recorded", error)

    async def _moment(self) -> None:
        """Wait for more, as long as nobody wants to read what was written."""
        try:
            async with asyncio.timeout(_SECONDS):
                await self._full.wait()
        except TimeoutError:
            pass
        self._full.clear()


def _given(give: Callable[[], Execution | None]) -> Execution | None:
    try:
        return give()
    except Exception as error:  # noqa: BLE001 - the others are written all the same
        log_fault(_LOG, "an execution could not be recorded", error)
        return None
