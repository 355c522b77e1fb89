"""Starts the daemon as a process of its own, which outlives whoever started it, and keeps its log short."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from codetune_core.runtime.folder import Files

COMMAND = (sys.executable, "-P", "-m", "codetune_core.cli.main", "serve", "--daemon")
"""``-P``: nothing is imported from the working directory."""
_LONGEST_LOG = 1_000_000
"""Bytes."""
_TAIL = 1200


def spawn(files: Files, lock: int, command: tuple[str, ...] = COMMAND) -> int:
    """Start the daemon, which inherits the descriptor of its lock; return where in the log its words begin.

    Raises OSError. The child forks and ends at once, so that the daemon is nobody's child and no zombie is left.
    """
    os.truncate(lock, 0)  # the id of the process before
    log = open_log(files.log)
    begins = os.fstat(log).st_size
    try:
        starter = subprocess.Popen(  # noqa: S603 - the command is ours
            [*command, "--lock", str(lock)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            pass_fds=(lock,),
            start_new_session=True,
        )
    finally:
        os.close(log)
    starter.wait()
    return begins


def detach() -> None:
    """Go on in a child of nobody: to be called before there are threads or an event loop."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.fork():
        os._exit(0)
    os.umask(0o077)


def open_log(path: Path) -> int:
    """Return a descriptor that appends to a log; one that has grown long is set aside first."""
    with suppress(FileNotFoundError):
        if path.stat().st_size > _LONGEST_LOG:
            path.replace(path.with_suffix(".log.old"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def rotate_log(path: Path) -> None:
    """Go on in a new log where that of this process, its standard output and error, has grown long."""
    if os.fstat(2).st_size <= _LONGEST_LOG:
        return
    log = open_log(path)
    for standard in (1, 2):
        os.dup2(log, standard)
    os.close(log)


def log_tail(path: Path, begins: int = 0) -> str:
    """Return the last lines of a log from a place in it on, empty where there are none."""
    with suppress(OSError), path.open("rb") as log:
        size = log.seek(0, os.SEEK_END)
        start = max(begins, size - _TAIL)
        log.seek(start)
        text = log.read().decode("utf-8", "replace")
        return (text if start == begins else text.partition("\n")[2]).strip()
    return ""
