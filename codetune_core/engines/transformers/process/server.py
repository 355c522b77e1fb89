"""What a model process answers on its socket, while the model loads, computes or fails."""

import asyncio
import os
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event
from typing import TypeVar

from codetune_core.engines.transformers.frames import Frames
from codetune_core.engines.transformers.process.loop import Build, Built, Loop, out_of_memory
from codetune_core.engines.transformers.process.measure import status
from codetune_core.engines.transformers.process.peer import Peer
from codetune_core.engines.transformers.wire import (
    ASKING,
    AskStatus,
    Cancel,
    LoadFailed,
    Loading,
    Ready,
    Unload,
    Unloaded,
)
from codetune_core.errors import CodeTuneError
from codetune_core.models.load_plan import LoadPlan
from codetune_core.models.load_times import LoadTimes

_T = TypeVar("_T")
_STDERR = 2
_CHUNK = 1 << 16
_LONGEST_LOG = 1 << 20
"""Bytes; a log that outgrew it begins anew."""
_FAREWELL_SECONDS = 1
"""For the last frames to be read."""
_HEARING_SECONDS = 10
"""For somebody to come and hear why the model cannot be loaded."""


class Server:
    """Serves one model on every connection, until nobody used it for a while or somebody says so."""

    def __init__(self, plan: LoadPlan, build: Build) -> None:
        self._plan = plan
        self._events = asyncio.get_running_loop()
        self._loop = Loop(build, self._progress, self._loaded)
        self._peers: set[Peer] = set()
        self._state: Loading | Ready | LoadFailed = Loading(stage="starting")
        self._began = time.monotonic()
        self._load_seconds: float | None = None
        self._ended: asyncio.Future[int] = self._events.create_future()

    async def serve(self, socket: Path) -> int:
        """Answer on a socket until the end; return the exit code of the process."""
        server = await asyncio.start_unix_server(self._connected, socket)
        self._loop.start(partial(self._on_events, self._broke))
        idle = asyncio.create_task(self._end_when_idle())
        try:
            return await self._ended
        finally:
            idle.cancel()
            server.close()
            socket.unlink(missing_ok=True)  # noqa: ASYNC240 - takes no time
            await self._part()

    def end(self, code: int = 0) -> None:
        """End the process in good order."""
        if not self._ended.done():
            self._ended.set_result(code)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(writer)
        self._peers.add(peer)
        peer.tell(self._state)
        if isinstance(self._state, LoadFailed):
            self.end(1)
        frames = Frames()
        try:
            while data := await reader.read(_CHUNK):
                for frame in frames.feed(data):
                    self._asked(peer, frame)
        except (OSError, ValueError) as error:
            sys.stderr.write(f"hung up on a connection: {type(error).__name__}\n")
        finally:
            self._peers.discard(peer)
            peer.hang_up()

    def _asked(self, peer: Peer, frame: bytes) -> None:
        match ASKING.validate_json(frame):
            case AskStatus(id=number):
                peer.tell(status(number, self._plan, self._loop, self._loading_seconds, busy=self._busy))
            case Cancel(id=number):
                peer.cancel(number)
            case Unload(if_idle=if_idle):
                if not (if_idle and self._busy):
                    self.end()
            case request if not self._ended.done():  # else Unloaded is its answer
                peer.ask(request, self._loop.ask)

    @property
    def _loading_seconds(self) -> float:
        """How long loading has taken by now, or took."""
        return time.monotonic() - self._began if self._load_seconds is None else self._load_seconds

    @property
    def _busy(self) -> bool:
        return self._loop.open > 0 or self._loop.built is None

    async def _end_when_idle(self) -> None:
        while (rest := self._loop.used + self._plan.idle_seconds - time.monotonic()) > 0 or self._busy:
            await asyncio.sleep(max(rest, min(1, self._plan.idle_seconds)))
            _shorten_log()
        self.end()

    async def _part(self) -> None:
        """Tell everybody that this is the end; what runs is lost, and what was not begun may be asked elsewhere."""
        for peer in self._peers:
            peer.lose(self._loop.begun, f"{self._plan.spec.name} was unloaded")
            peer.tell(self._state if isinstance(self._state, LoadFailed) else Unloaded())
        with suppress(TimeoutError):
            async with asyncio.timeout(_FAREWELL_SECONDS):
                await asyncio.gather(*(peer.aclose() for peer in self._peers), return_exceptions=True)

    def _progress(self, stage: str, part: float) -> None:
        self._on_events(self._enter, Loading(stage=stage, part=part))

    def _loaded(self, built: Built) -> None:
        seconds = self._load_seconds = self._loading_seconds
        LoadTimes().note(self._plan.spec.name, self._plan.quantization, self._plan.device, seconds)
        context, weights = self._plan.context_tokens, built.weights_bytes
        self._on_events(self._enter, Ready(context_tokens=context, weights_bytes=weights, load_seconds=seconds))

    def _broke(self, error: BaseException) -> None:
        if isinstance(self._state, Loading):
            self._state = LoadFailed(message=_why_not_loaded(self._plan, error))
        self._events.call_later(0 if self._peers else _HEARING_SECONDS, self.end, 1)

    def _enter(self, state: Loading | Ready) -> None:
        self._state = state
        for peer in self._peers:
            peer.tell(state)

    def _on_events(self, call: Callable[[_T], None], argument: _T) -> None:
        """Call on the thread of the event loop, and wait for it: no answer goes out before Ready."""
        done = Event()

        def called() -> None:
            call(argument)
            done.set()

        self._events.call_soon_threadsafe(called)
        done.wait()


def _why_not_loaded(plan: LoadPlan, error: BaseException) -> str:
    name = plan.spec.name
    if isinstance(error, CodeTuneError):
        return str(error)
    if out_of_memory(error):
        return (
            f"memory ran out while {name} was loaded, which needs about {plan.bytes_needed / 1e9:.1f} GB: end other "
            "programs, unload other models (codetune models unload), or choose a smaller model or quantization"
        )
    if isinstance(error, ImportError):
        return f"{name} cannot be loaded: {error}; install what local models need: pip install 'codetune[local]'"
    return f"{name} cannot be loaded: {type(error).__name__}: {error}"


def _shorten_log() -> None:
    if stat.S_ISREG(os.fstat(_STDERR).st_mode) and os.fstat(_STDERR).st_size > _LONGEST_LOG:
        os.ftruncate(_STDERR, 0)
