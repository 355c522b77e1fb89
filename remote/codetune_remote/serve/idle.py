"""Ends a daemon that nobody uses any more, and keeps its log short meanwhile."""

import asyncio
from pathlib import Path
from time import monotonic

from aiohttp import web

from codetune_core.daemon.spawn import rotate_log

_LONGEST_PAUSE = 5.0


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
