"""Asks the daemon which model it loads, as long as somebody waits for an answer or one loads."""

import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from codetune_core.errors import CodeTuneError
from codetune_server.status.board import Board
from codetune_server.status.state import State, Status, about

logger = logging.getLogger(__name__)
_PATIENCE_SECONDS = 0.5
"""An answer that begins within this needs no explanation."""
_LOOK_SECONDS = 1.0
_SECONDS = 5.0


class LoadWatch:
    """Looks while there is a reason to, and tells the board."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._waiters: set[object] = set()
        self._wanted = False
        self._task: asyncio.Task[None] | None = None

    def wait_for(self, execution: object) -> None:
        """Note that an execution has not begun to answer."""
        self._waiters.add(execution)
        self._begin(_PATIENCE_SECONDS)

    def wait_no_more_for(self, execution: object) -> None:
        """Note that it has, or is over."""
        self._waiters.discard(execution)

    def look(self) -> None:
        """Look in the background, and again while something loads."""
        self._wanted = True
        self._begin(0)

    def _begin(self, after: float) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow(after))

    async def aclose(self) -> None:
        """Look no more."""
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _follow(self, after: float) -> None:
        await asyncio.sleep(after)
        while self._wanted or self._waiters:
            self._wanted = False
            found = await asyncio.to_thread(_look)
            self._board.loading(found)
            await asyncio.sleep(_LOOK_SECONDS)
            self._wanted = self._wanted or found is not None


def _look() -> Status | None:
    from codetune_core.daemon.place import daemon_files  # noqa: PLC0415 - in a thread, not before `initialize` is answered

    try:
        return loading_at(daemon_files().socket)
    except (CodeTuneError, ValueError, TypeError, AttributeError, LookupError) as error:
        logger.debug("the daemon did not say what it loads: %s", type(error).__name__)
        return None


def loading_at(socket: Path) -> Status | None:
    """Return what the daemon at a socket loads; None for nothing, and where it does not answer."""
    from codetune_core.daemon.asking import ask  # noqa: PLC0415 - likewise

    answer = ask(socket, "/readyz", _SECONDS)
    loads = json.loads(answer[1]).get("loading", ()) if answer else ()
    under_way = [each for each in loads if each["state"] != "failed"]
    return _status(under_way[0]) if under_way else None


def _status(load: Mapping[str, Any]) -> Status:
    seconds, stage = load.get("remaining_seconds"), load.get("stage") or ""
    verb = {"waiting": "waits to be loaded", "pulling": "is being fetched"}.get(load["state"], "is being loaded")
    text = f"{load['model']} {verb}{stage and f' ({stage})'}{about(seconds)}"
    return Status(State.LOADING, text, load["model"], seconds, load.get("part"))
