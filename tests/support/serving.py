"""Runs the service in the test's own process, over a Unix socket or TCP, on a fresh database."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from codetune_core.bootstrap.core import open_core
from codetune_core.settings import Options, Settings, resolve
from codetune_remote.app import make_runner
from codetune_remote.limits import Limits
from codetune_remote.service import Service

ANSWERS = "default: {answers: ['it adds']}\n"


def settings_for(folder: Path, url: str, script: str = ANSWERS, **sections: Any) -> Settings:
    """Settings with the scripted engine, whose script is written into ``folder``."""
    path = folder / "answers.yaml"
    path.write_text(script)
    values = {"storage": {"database_url": url}, "engine": {"name": "scripted", "script": str(path)}, **sections}
    resolved = resolve([Options("test", values)])
    assert resolved.notices == ()
    return resolved.settings


def settings_on_copy(template: Path, folder: Path, **sections: Any) -> Settings:
    """The same on a copy of the database of the fixture ``sqlite_template``, for services that serve a whole module."""
    shutil.copy(template, folder / "codetune.db")
    return settings_for(folder, f"sqlite:///{folder / 'codetune.db'}", **sections)


async def open_once(settings: Settings) -> None:
    """Leave the database as whoever opens it first does: with the starter prompts."""
    async with open_core(settings):
        pass


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Service]:
    """An open service that nobody can reach yet."""
    async with open_core(settings) as core:
        yield Service(core)


@asynccontextmanager
async def on_socket(service: Service, path: Path, limits: Limits | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve on a Unix socket; gives a client of it, for addresses such as ``/healthz``."""
    runner = make_runner(service, limits)
    await runner.setup()
    await web.UnixSite(runner, path).start()
    try:
        async with aiohttp.ClientSession("http://localhost", connector=aiohttp.UnixConnector(str(path))) as client:
            yield client
    finally:
        await runner.cleanup()


@asynccontextmanager
async def on_tcp(service: Service, headers: dict[str, str] | None = None) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve on a free port of 127.0.0.1; gives a client of it that sends ``headers`` with everything."""
    runner = make_runner(service)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{runner.addresses[0][1]}", headers=headers) as client:
            yield client
    finally:
        await runner.cleanup()
