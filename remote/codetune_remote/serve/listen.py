"""Listens, and serves until it is told to end."""

import asyncio
import signal
from pathlib import Path

from aiohttp import web

from codetune_remote.app import make_app
from codetune_remote.service import Service


async def serve_socket(service: Service, path: Path) -> None:
    """Serve on a Unix socket until SIGTERM or SIGINT."""
    runner = web.AppRunner(make_app(service), access_log=None)
    await runner.setup()
    try:
        await web.UnixSite(runner, path).start()
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        await ended.wait()
    finally:
        await runner.cleanup()
