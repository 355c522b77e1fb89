"""Looks after the daemon of this user from outside: how it is, and its end."""

import signal
import time
from dataclasses import dataclass

from codetune_core.daemon.asking import ask
from codetune_core.daemon.identity import Identity, running
from codetune_core.runtime.folder import Files, holder
from codetune_core.runtime.holding import holding

_POLL_SECONDS = 0.05
_LAST_SECONDS = 5.0
"""For what is left to do when all executions have ended."""
_OK = 200


@dataclass(frozen=True, slots=True)
class State:
    """How the daemon is.

    Attributes:
        pid: of its process; None where there is none, or one that is just starting.
        identity: what it says of itself; None where there is none, and while it starts or ends.
        answers: whether it does.
    """

    pid: int | None
    identity: Identity | None
    answers: bool


def state(files: Files) -> State:
    """Look at the daemon; takes two seconds where it hangs."""
    pid, identity = holder(files.lock), running(files)
    if pid is None or identity is None:
        return State(pid, None, answers=False)
    told = ask(files.socket, "/healthz")
    return State(pid, identity, answers=told is not None and told[0] == _OK)


def stop(files: Files, seconds: float, *, at_once: bool = False) -> int | None:
    """End the daemon; return the id of its process, None where there is none.

    What runs may finish within ``seconds``, unless it is to end ``at_once``; one that does not end then is killed.
    """
    with holding(files.lock) as found:
        if found is None:
            return None
        found.send(signal.SIGTERM)
        if at_once:
            found.send(signal.SIGINT)  # another signal, for two equal ones may arrive as one
        if not _ended(files, found.pid, _LAST_SECONDS + (0 if at_once else seconds)):
            found.send(signal.SIGKILL)
            _ended(files, found.pid, _LAST_SECONDS)
        return found.pid


def _ended(files: Files, pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while holder(files.lock) == pid:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
