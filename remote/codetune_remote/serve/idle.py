"""Watches over a service that runs: whether somebody uses it, its database's file is there, its log is short."""

import asyncio
from pathlib import Path
from time import monotonic

from aiohttp import web

from codetune_core.daemon.spawn import rotate_log

_LONGEST_PAUSE = 5.0
_LOOK_SECONDS = 1.0


async def unused(server: web.Server, seconds: float) -> None:
    """Return once nobody was connected, and nobody asked, for so long; a stream that runs is a connection."""
    seen, since = -1, monotonic()
    while monotonic() - since < seconds:
        if server.connections or server.requests_count != seen:
            seen, since = server.requests_count, monotonic()
        await asyncio.sleep(min(_LONGEST_PAUSE, seconds / 4))


async def keep_short(log: Path) -> None:
    """Begin a new log whenever it has grown long."""
    while True:
        await asyncio.to_thread(rotate_log, log)
        await asyncio.sleep(_LONGEST_PAUSE)


async def replaced(path: Path | None) -> str:
    """Return, in words, that the file of a database was removed or replaced; never where it has none.

    What has it open would go on with the file that nobody finds any more.
    """
    if path is None:
        await asyncio.Event().wait()
        return ""
    opened = await asyncio.to_thread(_file, path)
    while (found := await asyncio.to_thread(_file, path)) == opened:  # noqa: ASYNC110 - nobody tells of it
        await asyncio.sleep(_LOOK_SECONDS)
    did = "replaced" if found else "removed"
    return f"{path} was {did} while this process had it open, so that it ends; the next one opens what is there"


def _file(path: Path) -> tuple[int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino
