"""Runs the service as a child, passes SIGTERM on, and ends as it ends."""

import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from types import FrameType


def supervise(command: Sequence[str], variables: Mapping[str, str], on_end: Callable[[], None]) -> int:
    """Run a command until it ends; return its exit code, or 128 and the number of the signal that killed it.

    ``on_end`` is called when the first SIGTERM or SIGINT was passed on, while the command still drains.
    """
    child: subprocess.Popen[bytes] | None = None
    asked = False

    def pass_on(number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        first, asked = not asked, True
        if child:
            child.send_signal(number)
        if first:
            on_end()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    child = subprocess.Popen(command, env=dict(variables))  # noqa: S603 - the caller's
    if asked:  # before there was a child
        child.terminate()
    code = child.wait()
    return code if code >= 0 else 128 - code
