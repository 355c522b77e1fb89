"""Finds the daemon of this user, or starts it: ten programs that start at once get one."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from codetune_core.daemon.identity import Identity, Misfit, misfit, running
from codetune_core.daemon.own import database_is_relative, own_identity, own_settings
from codetune_core.daemon.place import clear, daemon_files, identity_file, listens
from codetune_core.daemon.spawn import log_tail, spawn
from codetune_core.errors import DaemonError
from codetune_core.runtime.folder import Files, held, holder, take
from codetune_core.runtime.holding import holding

Tell = Callable[[str], None]
_POLL_SECONDS = 0.03
_START_SECONDS = 60
"""Longest time to start, a migration of the database included."""
_SILENT_SECONDS = 1.5
"""A start that takes longer is said."""


class OtherDaemon(DaemonError):  # noqa: N818 - it runs, and is another one
    """The daemon that runs does not do for this program, and is not to be replaced."""


async def ensure(tell: Tell = lambda _: None) -> Path:
    """Return the socket of this user's daemon, started where there is none.

    A daemon that is older than this program, or runs with settings that are no longer the user's own, is asked to
    drain, and a new one is started; ``tell`` gets a line where that happens or takes time.

    Raises:
        OtherDaemon: where it serves others, and must not be replaced: it is newer, or was started a moment ago with
            other settings.
        DaemonError: where it cannot be started; the message has the end of its log.
    """
    files = daemon_files()
    own = (await asyncio.to_thread(own_settings)).settings
    if database_is_relative(own):
        raise DaemonError(
            "the daemon has no working directory: write an absolute path into the address of the database"
        )
    return await _Search(files, own_identity(own), tell, own.serve.drain_seconds).socket()


class _Search:
    """One program's way to the daemon."""

    def __init__(self, files: Files, ours: Identity, tell: Tell, drain_seconds: float) -> None:
        self._files, self._ours, self._tell = files, ours, tell
        self._has_spawned = False
        self._begun = monotonic()
        self._deadline = self._begun + drain_seconds + _START_SECONDS
        self._said_slow = False
        self._log_begins = 0

    async def socket(self) -> Path:
        while True:
            if (lock := take(self._files.lock)) is not None:
                await self._spawn(lock)
            elif (theirs := running(self._files)) and self._does(theirs):
                return self._files.socket
            self._expect_time()
            await asyncio.sleep(_POLL_SECONDS)

    async def _spawn(self, lock: int) -> None:
        if self._has_spawned:
            os.close(lock)
            raise self._failed("the daemon ended while it started")
        self._has_spawned = True
        self._deadline = monotonic() + _START_SECONDS
        try:
            self._log_begins = await asyncio.to_thread(_start, self._files, lock)
        except OSError as error:
            raise DaemonError(f"the daemon cannot be started: {error}") from error

    def _does(self, theirs: Identity) -> bool:
        """Whether this one is taken; one that is to be replaced is told to end."""
        wrong = misfit(theirs, self._ours)
        if wrong is None:
            return listens(self._files.socket)
        if wrong.is_newer or theirs.is_young:
            raise OtherDaemon(_why_not_replaced(wrong))
        self._replace(theirs, wrong)
        return False

    def _replace(self, theirs: Identity, wrong: Misfit) -> None:
        """Tell it to end, once: told a second time it would not wait for what runs."""
        lock = take(self._files.folder / "replacing.lock")
        if lock is None:
            return
        with held(lock), holding(self._files.lock) as found:
            if found and found.pid == theirs.pid and running(self._files) == theirs:
                self._tell(f"the daemon is started anew: {wrong.why}")
                identity_file(self._files.socket).unlink(missing_ok=True)
                found.send(signal.SIGTERM)  # it takes no new work, finishes what runs, and ends

    def _expect_time(self) -> None:
        now = monotonic()
        if now > self._deadline:
            pid = holder(self._files.lock)
            raise self._failed(f"the daemon (process {pid}) does not begin to listen")
        if not self._said_slow and now > self._begun + _SILENT_SECONDS:
            self._said_slow = True
            self._tell("waiting for the daemon to start")

    def _failed(self, what: str) -> DaemonError:
        tail = log_tail(self._files.log, self._log_begins)
        quoted = f". The end of its log:\n{tail}" if tail else ""
        return DaemonError(f"{what}: see `codetune daemon logs`, or set daemon.enabled = false{quoted}")


def _start(files: Files, lock: int) -> int:
    with held(lock):
        clear(files.socket)
        return spawn(files, lock)


def _why_not_replaced(wrong: Misfit) -> str:
    if wrong.is_newer:
        return f"the daemon that runs cannot be used: {wrong.why}; update this one"
    return (
        f"the daemon that runs cannot be used: {wrong.why}, a moment ago, and others work with it; let all programs "
        "have the same settings and environment, or run `codetune daemon stop`"
    )
