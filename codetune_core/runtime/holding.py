"""Signals for the process that holds a lock, which never reach one that has its number by chance."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from codetune_core.runtime.folder import holder


class Holder:
    """A process that holds a lock, and stays meant when its number is given to another one."""

    def __init__(self, pid: int, lock: Path, descriptor: int | None) -> None:
        self.pid = pid
        self._lock, self._descriptor = lock, descriptor

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens where it has ended."""
        with suppress(ProcessLookupError):
            if sys.platform == "linux" and self._descriptor is not None:
                signal.pidfd_send_signal(self._descriptor, number)
            elif holder(self._lock) == self.pid:
                os.kill(self.pid, number)


@contextmanager
def holding(lock: Path) -> Iterator[Holder | None]:
    """Give the process that holds a lock; None where nobody does, or where it has not said yet who it is.

    Who takes a lock finds the number of the one before in it, which by then may be anybody's: where the system tells
    (Linux), a process is only believed to hold the lock that has its file open.
    """
    if (pid := holder(lock)) is None:
        yield None
        return
    descriptor = _descriptor(pid)  # first: what is found out below is then about this process
    try:
        yield Holder(pid, lock, descriptor) if _has_open(pid, lock) else None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _descriptor(pid: int) -> int | None:
    if sys.platform == "linux":
        with suppress(OSError):  # it has ended, or a sandbox does not let us
            return os.pidfd_open(pid)
    return None


def _has_open(pid: int, file: Path) -> bool:
    if sys.platform != "linux":
        return True
    with suppress(OSError):
        about = file.stat()
        return any(_is(opened, about) for opened in Path(f"/proc/{pid}/fd").iterdir())
    return False


def _is(opened: Path, about: os.stat_result) -> bool:
    try:
        return os.path.samestat(opened.stat(), about)
    except OSError:
        return False
