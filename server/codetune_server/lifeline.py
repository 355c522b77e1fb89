"""Notices that the editor is gone, also while the event loop is busy or something else holds the pipe open."""

import ctypes
import os
import select
import sys
import threading
import time
from collections.abc import Callable

GRACE_SECONDS = 1.5
"""What the server has to end in good order; then it is ended."""
_POLL_SECONDS = 0.5
_SYNCHRONIZE = 0x0010_0000
_FOREVER = 0xFFFF_FFFF


def watch_process(pid: int, gone: Callable[[], None]) -> bool:
    """Call ``gone`` from another thread when the process ends, and end this one if it is still there after that.

    Returns False, and watches nothing, where no such process can be seen: an editor outside this container.
    """
    wait = _waiter(pid)
    if wait is None:
        return False
    _start(wait, gone)
    return True


def watch_pipe(descriptor: int, gone: Callable[[], None]) -> None:
    """Call ``gone`` from another thread when nobody can write into the pipe any more, and end as above."""
    if sys.platform != "win32":
        _start(lambda: _wait_for_hang_up(descriptor), gone)


def _start(wait: Callable[[], None], gone: Callable[[], None]) -> None:
    def run() -> None:
        wait()
        gone()
        time.sleep(GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=run, name="lifeline", daemon=True).start()


def _waiter(pid: int) -> Callable[[], None] | None:
    if sys.platform == "win32":
        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(_SYNCHRONIZE, False, pid)  # noqa: FBT003 - the system's signature
        return (lambda: kernel.WaitForSingleObject(handle, _FOREVER)) if handle else None
    if not _exists(pid):
        return None
    if hasattr(os, "pidfd_open"):
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            return lambda: _poll(pid)
        return lambda: _wait_until_readable(descriptor)
    return lambda: _poll(pid)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return pid > 0


def _poll(pid: int) -> None:
    while _exists(pid):
        time.sleep(_POLL_SECONDS)


def _wait_until_readable(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    poll.poll()


def _wait_for_hang_up(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, getattr(select, "POLLRDHUP", 0))
    poll.poll()
