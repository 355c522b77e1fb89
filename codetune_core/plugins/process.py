"""A plugin's process, seen from its owner: started, asked, and killed with all that it started."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Self, cast

from pydantic import JsonValue, ValidationError

from codetune_core.domain.execution import ErrorKind
from codetune_core.errors import ExecutionError, InvalidInput, PluginError
from codetune_core.plugins.api import Request
from codetune_core.plugins.asking import Asking
from codetune_core.plugins.discover import Found, unfit
from codetune_core.plugins.environment import environment
from codetune_core.plugins.frames import (
    HEADER,
    MAX_BYTES,
    REPORT,
    AskModel,
    Load,
    Loaded,
    LoadFailed,
    Order,
    Report,
    Result,
    Run,
    RunFailed,
    Shown,
    pack,
)

_CHUNK = 65_536
_LAST_WORDS = 4_096
_BURIAL_SECONDS = 2
_RAISE_SECONDS = "raise plugins.timeout_seconds, or ask for less"


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one process: seconds for loading and for each run, bytes of memory."""

    seconds: float
    memory_bytes: int


class PluginProcess:
    """A loaded plugin; it answers one request at a time.

    After whatever went wrong in the process, or was cancelled, it is dead. A request that the plugin refuses or fails
    at leaves it alive.
    """

    def __init__(self, process: "_Process", folder: Path, found: Found, limits: Limits) -> None:
        self._process = process
        self._folder = folder
        self._limits = limits
        self._name = found.name
        self._words = b""
        self._listener = asyncio.create_task(self._listen())
        self.loaded = Loaded(metadata=found.metadata, kind=found.kind)

    @classmethod
    async def start(cls, found: Found, limits: Limits) -> Self:
        """Start a process and load the plugin in it; raises PluginError."""
        folder = Path(tempfile.mkdtemp(prefix="codetune-plugin-"))
        try:
            process = await _spawn(folder, found)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise PluginError(f"{found.name}: its process cannot be started: {error}") from error
        plugin = cls(process, folder, found, limits)
        await plugin._load(found)
        return plugin

    @property
    def pid(self) -> int:
        """Its process id, and that of its group."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.returncode is None

    async def run(self, request: Request, asking: Asking, show: Callable[[str], None]) -> JsonValue:
        """Answer a request; each piece of text that the plugin shows is handed to ``show``.

        Raises PluginError where the plugin fails, dies, or takes too long, and what the model raised, or an
        ExecutionError of the plugin's own, where it refuses. Cancelling kills the process.
        """
        try:
            async with asyncio.timeout(self._limits.seconds) as clock:
                self.send(_order(request))
                end = await self._end(asking, show, clock)
        except TimeoutError:
            await self.kill()
            raise PluginError(
                f"{self._name} did not answer within {self._limits.seconds:g} s: {_RAISE_SECONDS}"
            ) from None
        except InvalidInput:
            raise
        except BaseException:
            await asyncio.shield(self.kill())
            raise
        finally:
            await asking.aclose()
        if isinstance(end, RunFailed):
            self._fail(end, asking)
        return end.value

    async def _end(self, asking: Asking, show: Callable[[str], None], clock: asyncio.Timeout) -> Result | RunFailed:
        while True:
            report = await self._receive()
            match report:
                case Shown(text=text):
                    show(text)
                case AskModel():
                    asking.begin(report, clock)
                case Result() | RunFailed():
                    return report
                case _:
                    raise PluginError(f"{self._name} sent a {report.type} where none belongs")

    def _fail(self, failed: RunFailed, asking: Asking) -> NoReturn:
        if asking.failure and failed.message == str(asking.failure):
            raise asking.failure
        if failed.kind is ErrorKind.INTERNAL:
            raise PluginError(f"{self._name} failed: {failed.message}")
        kinds: dict[str, type[ExecutionError]] = {error.kind: error for error in ExecutionError.__subclasses__()}
        raise kinds[failed.kind](failed.message)

    async def kill(self) -> None:
        """End it at once, with its group, and collect what is left of it."""
        if self.alive:
            _kill(self.pid)
        if self._process.stdin:
            self._process.stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BURIAL_SECONDS):
                while self._process.stdout and await self._process.stdout.read(_CHUNK):
                    pass
                await asyncio.shield(self._listener)
                await self._process.wait()
        self._listener.cancel()
        self._process.close()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def send(self, order: Order) -> None:
        """Write one frame; to a process that is dead, nothing."""
        if self._process.stdin and not self._process.stdin.is_closing():
            self._process.stdin.write(pack(order))

    async def _load(self, found: Found) -> None:
        order = Load(
            file=str(found.file or ""),
            target=found.target,
            capabilities=found.metadata.capabilities,
            memory_bytes=self._limits.memory_bytes,
        )
        try:
            async with asyncio.timeout(self._limits.seconds):
                self.send(order)
                report = await self._receive()
            self.loaded = _loaded(found, report)
        except TimeoutError:
            await self.kill()
            raise PluginError(f"it did not load within {self._limits.seconds:g} s: {_RAISE_SECONDS}") from None
        except BaseException:
            await asyncio.shield(self.kill())
            raise

    async def _receive(self) -> Report:
        """Read one frame; raises PluginError for the end and for what is none."""
        output = cast("asyncio.StreamReader", self._process.stdout)
        try:
            size = HEADER.unpack(await output.readexactly(HEADER.size))[0]
            if size > MAX_BYTES:
                raise PluginError(f"{self._name} answered {size:,} bytes, more than the {MAX_BYTES:,} allowed")
            return REPORT.validate_json(await output.readexactly(size))
        except (asyncio.IncompleteReadError, ConnectionError):
            raise PluginError(await self._death()) from None
        except ValidationError:
            raise PluginError(f"{self._name} broke the protocol: what it sent is no frame") from None

    async def _death(self) -> str:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BURIAL_SECONDS):
                await self._process.wait()
                await asyncio.shield(self._listener)
        code = self._process.returncode or 0
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        words = self._words.decode("utf-8", "replace").strip().splitlines()
        return f"{self._name}: its process {how}{f': {words[-1].strip()}' if words else ''}"

    async def _listen(self) -> None:
        """Keep the last words of the standard error, where also goes what the plugin prints."""
        while self._process.stderr and (piece := await self._process.stderr.read(_CHUNK)):
            self._words = (self._words + piece)[-_LAST_WORDS:]


class _Process(asyncio.subprocess.Process):
    """A process whose pipes can be closed though others hold their ends."""

    def close(self) -> None:
        """Close what is open."""
        self._transport.close()  # type: ignore[attr-defined] # of the base class, without a public name


class _Group(asyncio.subprocess.SubprocessStreamProtocol):
    """Ends what a process started as soon as it has ended itself: later, its number may be another's."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Learn whose group it is."""
        super().connection_made(transport)
        self._pid = cast("asyncio.SubprocessTransport", transport).get_pid()

    def process_exited(self) -> None:
        """End the rest of the group."""
        _kill(self._pid)
        super().process_exited()


async def _spawn(folder: Path, found: Found) -> _Process:
    pipe, loop = asyncio.subprocess.PIPE, asyncio.get_running_loop()
    # -P: what lies in the working directory is not imported. -B: a changed file is never taken for its old bytecode.
    command = [sys.executable, "-P", "-B", "-X", "utf8", "-m", "codetune_core.plugins.child.main"]
    variables = environment(found.metadata.capabilities, folder)
    transport, group = await loop.subprocess_exec(
        lambda: _Group(_CHUNK, loop),
        *command,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        cwd=folder,
        env=variables,
        start_new_session=True,
    )
    return _Process(transport, group, loop)


def _order(request: Request) -> Run:
    try:
        order = Run(task=request.task, text=request.text, arguments=dict(request.arguments or {}))
        pack(order)
    except ValueError as error:
        raise InvalidInput(f"the request cannot be sent to a plugin: {error}") from error
    return order


def _loaded(found: Found, report: Report) -> Loaded:
    match report:
        case Loaded() if report.metadata.name != found.name:
            raise PluginError(f"its code says that its name is {report.metadata.name}")
        case Loaded() if not report.metadata.fits:
            raise PluginError(unfit(report.metadata))
        case Loaded():
            return report
        case LoadFailed(message=message):
            raise PluginError(message)
        case AskModel():
            raise PluginError("it asks a model while it is loaded: models are lent to `run` only")
    raise PluginError(f"it sent a {report.type} before it was loaded")


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform != "win32":
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGTERM)  # which ends it at once there
