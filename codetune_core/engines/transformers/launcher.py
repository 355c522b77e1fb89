"""Finds the model process of a plan, or makes room for it and starts it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from codetune_core.engines.transformers.connection import Connection
from codetune_core.engines.transformers.host import Host
from codetune_core.engines.transformers.patience import Patience
from codetune_core.engines.transformers.room import to_unload
from codetune_core.engines.transformers.spawn import Spawned, spawn
from codetune_core.engines.transformers.wire import Status
from codetune_core.errors import EngineOverloaded, EngineTimeout, ExecutionError
from codetune_core.models.load_plan import LoadPlan
from codetune_core.runtime.folder import Files, held, take

_POLL_SECONDS = 0.02


class Launcher:
    """Reaches model processes through the files in the runtime folder, which all of a user's programs share."""

    def __init__(
        self, folder: Path, capacity: Callable[[str], int], patience: Patience, command: tuple[str, ...]
    ) -> None:
        self._folder, self._capacity, self._patience, self._command = folder, capacity, patience, command
        self._spawned: dict[str, Spawned] = {}

    async def reach(self, plan: LoadPlan) -> Connection:
        """Connect to the process of a plan, which is started where there is none; it may still be loading."""
        ours = self._spawned.get(plan.key)
        # One that has ended says nothing of how another program's ends.
        host = Host(plan.spec.name, Files(self._folder, plan.key), ours if ours and ours.alive else None)
        if connection := await self._dial(host):
            return connection
        async with self._starting():
            found = await self._connection_or_lock(host)
            if isinstance(found, Connection):
                return found
            with held(found):
                await self._make_room(plan)
                host.spawned = self._spawned[plan.key] = self._spawn(plan, host.files, found)
            return await self._listening(host)

    async def loaded(self) -> dict[str, Status]:
        """Return what each process says of itself, by key; kills those that hang, removes dead ones' sockets."""
        keys = [path.stem for path in sorted(self._folder.glob("*.sock"))]
        found = await asyncio.gather(*(self._status(key) for key in keys))
        return {key: status for key, status in zip(keys, found, strict=True) if status}

    async def unload(self, model: str) -> int:
        """End every process of a model; return how many there were."""
        keys = [key for key, status in (await self.loaded()).items() if status.model == model]
        await asyncio.gather(*(self._unload(key, if_idle=False) for key in keys))
        return len(keys)

    async def _dial(self, host: Host) -> Connection | None:
        try:
            reader, writer = await asyncio.open_unix_connection(host.files.socket)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        connection = Connection(host, reader, writer, self._patience)
        if await connection.greeted():
            return connection
        await connection.aclose()
        return None

    @asynccontextmanager
    async def _starting(self) -> AsyncIterator[None]:
        """Let one program of this user start a model at a time, so that no two count on the same memory."""
        deadline = monotonic() + 2 * self._patience.start
        while (lock := take(self._folder / "starting.lock")) is None:
            if monotonic() > deadline:
                raise EngineTimeout("another program has been starting a model for too long; end it, and ask again")
            await asyncio.sleep(_POLL_SECONDS)
        with held(lock):
            yield

    async def _connection_or_lock(self, host: Host) -> Connection | int:
        """Wait for who holds the lock, which begins to listen or ends: kill it where it does neither."""
        deadline = monotonic() + self._patience.start
        while (lock := take(host.files.lock)) is None:
            if connection := await self._dial(host):
                return connection
            if monotonic() > deadline:
                host.kill()
            await asyncio.sleep(_POLL_SECONDS)
        return lock

    async def _make_room(self, plan: LoadPlan) -> None:
        """Unload what is idle where memory is short; raises EngineOverloaded where what is loaded is in use."""
        capacity = await asyncio.to_thread(self._capacity, plan.device)
        while going := to_unload(plan, await self.loaded(), capacity):
            await asyncio.gather(*(self._unload(key, if_idle=True) for key in going))

    def _spawn(self, plan: LoadPlan, files: Files, lock: int) -> Spawned:
        try:
            return spawn(plan, files, lock, self._command)
        except OSError as error:
            raise EngineOverloaded(f"no process can be started for {plan.spec.name}: {error}") from error

    async def _listening(self, host: Host) -> Connection:
        """Wait until a process that was started listens."""
        deadline = monotonic() + self._patience.start
        while (connection := await self._dial(host)) is None:
            if not host.alive:
                raise await host.end()
            if monotonic() > deadline:
                host.kill()
            await asyncio.sleep(_POLL_SECONDS)
        return connection

    async def _status(self, key: str) -> Status | None:
        host = Host("another model", Files(self._folder, key))
        connection = await self._dial(host)
        if connection is None:
            _remove_stale(host.files)
            return None
        try:
            return await connection.status()
        except ExecutionError:
            return None
        finally:
            await connection.aclose()

    async def _unload(self, key: str, *, if_idle: bool) -> None:
        """End a process, and wait until it is gone; one that is in use goes on, where it is to go only if idle."""
        host = Host("another model", Files(self._folder, key))
        connection = await self._dial(host)
        if connection is None:
            return
        try:
            connection.unload(if_idle=if_idle)
            if if_idle:
                await connection.status()
                return
        except ExecutionError:
            pass
        finally:
            await connection.aclose()
        await self._gone(host)

    async def _gone(self, host: Host) -> None:
        deadline = monotonic() + self._patience.status
        while host.alive:
            if monotonic() > deadline:
                host.kill()
            await asyncio.sleep(_POLL_SECONDS)


def _remove_stale(files: Files) -> None:
    """Remove the socket of a dead process."""
    lock = take(files.lock)
    if lock is not None:
        with held(lock):
            files.socket.unlink(missing_ok=True)
