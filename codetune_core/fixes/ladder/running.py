"""Runs the project's own programs on a copy of the workspace: with a time limit, few variables, and no home."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from codetune_core.fixes.ladder import confine

_LARGEST_FILE = 256 * 1024 * 1024
_MOST_OUTPUT = 8 * 1024 * 1024
_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SYSTEMROOT", "PATHEXT", "COMSPEC")
"""Variables that programs need; keys and tokens are not among them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use: seconds of the clock, and bytes of memory."""

    seconds: float = 60.0
    memory: int = 4 * 1024**3


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended.

    Attributes:
        status: its exit status; None where it was stopped at the time limit.
        output: what it wrote, the first 8 MB.
        network: ``cut`` where it could reach no network, else ``open``.
    """

    status: int | None
    output: str
    network: str = "open"


async def run(command: Sequence[str], folder: Path, home: Path, limits: Limits, **more: str) -> Ran:
    """Run a program in a folder until it ends or its time is over; raises OSError where it does not start.

    Args:
        command: absolute path of the program, and its arguments.
        folder: where it runs.
        home: an empty folder that it takes for the user's, and for temporary files.
        limits: what it may use.
        more: further variables.
    """
    return await _ended(list(command), folder, _variables(home, more), limits)


async def run_confined(command: Sequence[str], folder: Path, home: Path, limits: Limits, **more: str) -> Ran:
    """Run a program as ``run`` does, with limits that the system keeps, and cut off the network where it can be."""
    said, say = os.pipe()
    numbers = [say, limits.memory, int(limits.seconds) + 1, _LARGEST_FILE]
    wrapped = [sys.executable, "-I", confine.__file__, *map(str, numbers), "--", *command]
    try:
        try:
            ran = await _ended(wrapped, folder, _variables(home, more), limits, (say,))
        finally:
            os.close(say)
        network = os.read(said, 16).decode()
    finally:
        os.close(said)
    return Ran(ran.status, ran.output, network or "open")


async def _ended(
    command: list[str], folder: Path, variables: Mapping[str, str], limits: Limits, passed: tuple[int, ...] = ()
) -> Ran:
    written = (
        Path(variables["HOME"]) / "output.txt"
    )  # a file, and not a pipe: who writes without end does not fill this process
    with written.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=variables, stdin=asyncio.subprocess.DEVNULL, stdout=output,
            stderr=asyncio.subprocess.STDOUT, pass_fds=passed, start_new_session=True,
        )  # fmt: skip
    status = None
    try:
        async with asyncio.timeout(limits.seconds):
            status = await process.wait()
    except TimeoutError:
        pass
    finally:
        _end_group(process.pid)
        await process.wait()
    with written.open("rb") as output:
        return Ran(status, output.read(_MOST_OUTPUT).decode("utf-8", "replace"))


def _end_group(pid: int) -> None:
    """End the program and what it started and left behind."""
    with suppress(OSError):
        if sys.platform == "win32":
            os.kill(pid, signal.SIGTERM)
        else:
            os.killpg(pid, signal.SIGKILL)


def _variables(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    own = {name: str(home) for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "XDG_CACHE_HOME")}
    return {**kept, **own, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", **more}
