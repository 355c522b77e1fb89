"""Serves until it is told to end, or nobody needs it: listens, opens the core, answers, drains."""

import asyncio
import gc
import importlib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import click
from aiohttp import web

from codetune_core.errors import StorageError
from codetune_remote.serve.early import answering_early
from codetune_remote.serve.idle import keep_short, replaced, unused
from codetune_remote.serve.notify import notify
from codetune_remote.serve.sockets import is_this_machine, where
from codetune_remote.serve.stopping import Stop

if TYPE_CHECKING:
    from codetune_remote.service import Service

_LAST_SECONDS = 2.0
"""For answers that are on their way when all executions have ended."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What is served where.

    Attributes:
        listener: bound, and listening.
        models: to be loaded at once, by role or name.
        tls: certificate and key, or None.
        log: of a daemon, which ends when nobody needs it; None for who stays.
    """

    listener: socket.socket
    models: tuple[str, ...] = ()
    tls: ssl.SSLContext | None = None
    log: Path | None = None

    def announce(self) -> None:
        """Say where it listens."""
        click.echo(f"codetune serve listens on {where(self.listener, encrypted=self.tls is not None)}")


async def serve(serving: Serving) -> None:
    """Serve until SIGTERM, SIGINT or, as a daemon, until nobody needs it; raises CodeTuneError."""
    stop = Stop()
    stop.listen()
    async with AsyncExitStack() as stack:
        async with _early(serving):
            answering = await stop.unless_asked(_answering(serving, stack))
        if answering is None:
            return
        service, runner = answering
        from codetune_remote.serve.opening import identified  # noqa: PLC0415 - it was imported meanwhile

        with identified(service.core.settings, serving.listener):
            notify("READY=1")
            wrong = await stop.unless_asked(_in_use(service, runner, serving.log))
        notify("STOPPING=1")
        await _drained(service, stop)
        if wrong:
            raise StorageError(wrong)


@asynccontextmanager
async def _early(serving: Serving) -> AsyncIterator[None]:
    """Answer while the core is opened, but not to other machines: it may turn out that nobody has a key."""
    if not is_this_machine(serving.listener):
        yield
        return
    async with answering_early(serving.listener, serving.tls):
        serving.announce()
        yield


async def _answering(serving: Serving, stack: AsyncExitStack) -> "tuple[Service, web.AppRunner]":
    """Open everything, and answer with it."""
    opening = await asyncio.to_thread(_import_opening)
    gc.freeze()  # nothing that the imports made is garbage
    gc.enable()
    service = await stack.enter_async_context(opening.open_service(serving.listener, serving.models))
    runner = opening.runner_of(service, _LAST_SECONDS)
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    await web.SockSite(runner, serving.listener.dup(), ssl_context=serving.tls).start()
    if not is_this_machine(serving.listener):
        serving.announce()
    return service, runner


def _import_opening() -> ModuleType:
    # What the first execution needs comes along: neither does it wait, nor is another version of it found later.
    importlib.import_module("codetune_core.executor.local")
    return importlib.import_module("codetune_remote.serve.opening")


async def _in_use(service: "Service", runner: web.AppRunner, log: Path | None) -> str:
    """Return why it cannot go on; empty where nobody needs a daemon any more."""
    ends: list[asyncio.Task[str] | asyncio.Task[None]] = [asyncio.create_task(replaced(service.core.database.url.path))]
    if log is not None and runner.server is not None:
        ends.append(asyncio.create_task(unused(runner.server, service.core.settings.daemon.idle_seconds)))
        ends.append(asyncio.create_task(keep_short(log)))
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        return next(iter(done)).result() or ""
    finally:
        for task in ends:
            task.cancel()


async def _drained(service: "Service", stop: Stop) -> None:
    """Take no new work, and let what runs finish within its time, unless it is to end at once."""
    service.draining = True
    await stop.unless_at_once(service.hub.drain(service.settings.drain_seconds))
