"""Runs a program to its end, its time limit or its cancellation, and leaves nothing of it behind."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_CHUNK = 65_536
_LAST_WORDS = 4_096
_BURIAL_SECONDS = 2


class TooMuchOutput(Exception):  # noqa: N818 - says what happened
    """The program wrote more than was allowed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit code (negative: the signal that killed it), what it wrote, and its last words."""

    code: int
    output: bytes
    last_words: str


async def run(command: Sequence[str], folder: Path, seconds: float, max_bytes: int) -> Ended:
    """Run a program in a session of its own, without input.

    When this function ends, in whatever way, every process of that session has been killed. Raises OSError where the
    program cannot be started, TimeoutError, or TooMuchOutput.
    """
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, start_new_session=True
    )
    tasks = asyncio.create_task(_read(process.stdout, max_bytes)), asyncio.create_task(_tail(process.stderr))
    try:
        async with asyncio.timeout(seconds):
            output, tail = await asyncio.gather(*tasks)
            code = await process.wait()
    finally:
        _kill(process)
        await _bury(process, tasks)
    words = tail.decode("utf-8", "replace").strip().splitlines() or [""]
    return Ended(code, output, words[-1].strip())


async def _read(stream: asyncio.StreamReader | None, max_bytes: int) -> bytes:
    pieces, size = [], 0
    while stream and (piece := await stream.read(_CHUNK)):
        size += len(piece)
        if size > max_bytes:
            raise TooMuchOutput
        pieces.append(piece)
    return b"".join(pieces)


async def _tail(stream: asyncio.StreamReader | None) -> bytes:
    tail = b""
    while stream and (piece := await stream.read(_CHUNK)):
        tail = (tail + piece)[-_LAST_WORDS:]
    return tail


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform != "win32":
            os.killpg(process.pid, signal.SIGKILL)
        elif process.returncode is None:
            process.kill()


async def _bury(process: asyncio.subprocess.Process, tasks: Iterable[asyncio.Task[bytes]]) -> None:
    """Stop reading, empty the pipes and collect the exit code, so that nothing is left open."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_BURIAL_SECONDS):
            await asyncio.gather(_tail(process.stdout), _tail(process.stderr))
            await process.wait()
