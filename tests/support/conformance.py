"""One core, and an Executor that reaches it: in its process, through the daemon, or over TCP with a key."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from running import MODEL, Running, request, running

from codetune_core.bootstrap.core import Core
from codetune_core.daemon.executor import DaemonExecutor
from codetune_core.daemon.own import own_identity, own_settings
from codetune_core.daemon.place import daemon_files, identity_file
from codetune_core.domain.service_key import Scope
from codetune_core.engines.embedding_cache import RememberedVectors
from codetune_core.execution.protocol import Executor
from codetune_core.execution.remote.connection import ServiceConnection
from codetune_core.execution.remote.executor import RemoteExecutor
from codetune_core.execution.remote.limits import Limits
from codetune_core.outbound.gate import Gate
from codetune_core.runtime.folder import held, take
from codetune_core.service_sections import RemoteSettings
from codetune_core.settings import Settings
from codetune_core.storage.embedding_store import SqlEmbeddingStore
from codetune_core.storage.experiment_results import SqlExperimentResults
from codetune_remote.app import make_runner
from codetune_remote.service import Service

WAYS = ("local", "daemon", "tcp")
KEY_VARIABLE = "TEST_SERVICE_KEY"


@dataclass
class Ground:
    """``executor`` is what is tested, ``core`` what it reaches; ``user`` is whom the core sees."""

    way: str
    executor: Executor
    core: Running
    user: str
    service: Service | None = None

    @property
    def engine(self):
        return self.core.engine

    async def run(self, asked=None, **changes) -> list:
        return [event async for event in self.executor.execute(asked or request(**changes))]

    async def settled(self, count: int = 1) -> list:
        """All that is recorded, once so many executions are over; who left a service early does not wait for that."""
        async with asyncio.timeout(30):
            while True:
                rows = await self.core.recorded()
                if len(rows) >= count and all(row.success is not None for row in rows):
                    return rows
                await asyncio.sleep(0.005)


def core_of(parts: Running, settings: Settings, folder: Path) -> Core:
    """A Core of these parts."""
    vectors = RememberedVectors(SqlEmbeddingStore(parts.database), settings.cache, settings.history)
    core = Core(
        settings=settings,
        database=parts.database,
        engine=parts.engine,
        gate=Gate(settings.outbound, folder / "outbound"),
        prompts=parts.library,
        answers=parts.answers,
        vectors=vectors,
        history=parts.history,
        experiments=SqlExperimentResults(parts.database),
        notices=(),
    )
    vars(core)["executor"] = parts.executor
    return core


@asynccontextmanager
async def served(parts: Running, folder: Path, **sections) -> AsyncIterator[tuple[Service, web.AppRunner]]:
    """A service of these parts that listens nowhere yet."""
    service = Service(core_of(parts, Settings.model_validate(sections), folder))
    runner = make_runner(service)
    await runner.setup()
    try:
        yield service, runner
    finally:
        await runner.cleanup()
        await service.core.keys.aclose()


async def listen(runner: web.AppRunner) -> str:
    """Listen on a free port of this machine; the address."""
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[-1][1]}"


async def key_for(service: Service, user: str = "ada") -> str:
    """A key with which one may execute."""
    _, made = await service.core.keys.create(user, {Scope.EXECUTE}, expires="1d")
    return made.text.get_secret_value()


def to_tcp(url: str, monkeypatch, key: str, limits: Limits | None = None, **settings) -> RemoteExecutor:
    """An executor of the service at an address."""
    monkeypatch.setenv(KEY_VARIABLE, key)
    asked = RemoteSettings(base_url=url, key_env=KEY_VARIABLE, **settings)
    return RemoteExecutor(ServiceConnection.to_service(asked, limits), waits=asked.when_unavailable == "wait")


async def as_daemon(runner: web.AppRunner, folder: Path, monkeypatch) -> int:
    """Listen as the daemon of the user whose runtime folder this is; the descriptor of its lock."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    files = daemon_files()
    lock = take(files.lock)
    assert lock is not None
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    await web.UnixSite(runner, files.socket).start()
    own_identity(own_settings().settings).write(identity_file(files.socket))
    return lock


@asynccontextmanager
async def ground(way: str, database, monkeypatch, script=None, *, prompt=None, **sections) -> AsyncIterator[Ground]:
    """What is tested, one way."""
    folder = Path(tempfile.mkdtemp(prefix="ctc"))
    try:
        async with running(database, script, prompt=prompt, **sections) as parts:
            if way == "local":
                yield Ground(way, parts.executor, parts, "ada")
                return
            async with served(parts, folder, **sections) as (service, runner), AsyncExitStack() as stack:
                if way == "daemon":
                    stack.enter_context(held(await as_daemon(runner, folder, monkeypatch)))
                    executor = DaemonExecutor()
                else:
                    executor = to_tcp(await listen(runner), monkeypatch, await key_for(service))
                stack.push_async_callback(executor.aclose)
                yield Ground(way, executor, parts, "ada" if way == "tcp" else "", service)
    finally:
        shutil.rmtree(folder)


__all__ = ["MODEL", "WAYS", "Ground", "core_of", "ground", "key_for", "listen", "served", "to_tcp"]
