"""A user of their own, whose service runs in the test's process."""

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import daemons
import pytest

from codetune_core.daemon.place import identity_file
from codetune_remote.serve.listen import Serving, serve
from codetune_remote.serve.sockets import unix_socket

BODY = {"task": "explain", "prompt": "explain-code", "variables": {"code": "a + b", "language": "python"}}


@pytest.fixture
def somebody(sqlite_url, monkeypatch):
    """A user with a script that answers."""
    with daemons.user(sqlite_url, monkeypatch) as user:
        user.scripted()
        yield user


class Served:
    """A service in this process, and a client of it."""

    def __init__(self, path: Path, client: aiohttp.ClientSession, serving: asyncio.Task) -> None:
        self.path, self.client, self.serving = path, client, serving

    def execute(self, code="a + b"):
        return self.client.post("/api/execute", json=BODY | {"variables": {"code": code, "language": "python"}})

    async def tokens(self, answer, count):
        """Read the events until so many tokens came."""
        async for line in answer.content:
            count -= line == b"event: token\n"
            if not count:
                return

    async def last(self, answer):
        """Read to the end, and return the last event."""
        lines = (await answer.text()).splitlines()
        return json.loads([line for line in lines if line.startswith("data:")][-1].removeprefix("data:"))


@pytest.fixture
def served(somebody):
    """Serve on a Unix socket until the block's end, or the service's own."""

    @asynccontextmanager
    async def serving(**options):
        path = somebody.home / "run" / "x.sock"
        with unix_socket(path) as listener:
            task = asyncio.create_task(serve(Serving(listener, **options)))
            await daemons.until(lambda: identity_file(path).exists() or task.done(), "not ready")
            connector = aiohttp.UnixConnector(str(path))
            async with aiohttp.ClientSession("http://localhost", connector=connector) as client:
                yield Served(path, client, task)
            task.cancel()
            await asyncio.wait({task})

    return serving
