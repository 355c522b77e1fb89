"""Takes snapshots while the service runs, in a thread of its own."""

import logging
import threading
from typing import Self

from codetune_core.errors import StorageError
from codetune_core.storage.snapshots import Snapshots

_LOG = logging.getLogger(__name__)


class Keeper:
    """Takes a snapshot every ``seconds``, when it is asked to, and a last one when it is closed."""

    def __init__(self, snapshots: Snapshots, seconds: float) -> None:
        self._snapshots, self._seconds = snapshots, seconds
        self._wanted, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="snapshots")
        self._told: set[str] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def take_now(self) -> None:
        """Take one soon, without waiting for it."""
        self._wanted.set()

    def __exit__(self, *_error: object) -> None:
        self._closing.set()
        self._wanted.set()
        self._thread.join()

    def _run(self) -> None:
        closing = False
        while not closing:
            self._wanted.wait(self._seconds)
            self._wanted.clear()
            closing = self._closing.is_set()  # looked at before the last one is taken, not after
            self._take()

    def _take(self) -> None:
        """Take one; what fails is said, and tried again the next time."""
        if not self._snapshots.database.exists():
            return
        try:
            taken = self._snapshots.take()
            self._tell_rivals()
        except StorageError as error:
            _LOG.error("%s", error)
            return
        if taken:
            _LOG.info("snapshot %s, %d bytes", taken.file, taken.bytes)

    def _tell_rivals(self) -> None:
        for rival in self._snapshots.rivals():
            if rival.instance not in self._told:
                self._told.add(rival.instance)
                _LOG.error(
                    "container %s writes snapshots too, as generation %d beside this one's %d: what is recorded here "
                    "from now on may not be restored. Run one container on SQLite, or several on PostgreSQL",
                    rival.instance,
                    rival.generation,
                    self._snapshots.generation,
                )
