"""Connects servers to editors: over standard input and output, or over TCP on this machine.

Input is cut into messages in the event loop itself, without a thread, except where the loop cannot watch it (Windows,
regular files, terminals). Over standard input the process ends with its editor.
"""

import asyncio
import contextlib
import ipaddress
import logging
import os
import queue
import socket
import stat
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

from codetune_core.errors import CodeTuneError
from codetune_server.framing import ForeignProtocol, Framer
from codetune_server.language_server import CodeTuneServer
from codetune_server.lifeline import watch_pipe, watch_process

logger = logging.getLogger(__name__)

_CHUNK = 65_536
_FLUSH_SECONDS = 0.3


class AddressRefused(CodeTuneError):  # noqa: N818 - it says what happened to the address
    """The server does not listen there; the message says why and what to do instead."""


class Connection(asyncio.Protocol):
    """The reading end of one editor's connection."""

    def __init__(self, server: CodeTuneServer) -> None:
        self._server = server
        self._framer = Framer()

    def data_received(self, data: bytes) -> None:
        """Hand every whole message to the server, until it is told to end."""
        try:
            for body in self._framer.feed(data):
                if self._server.stopping.is_set():
                    return
                self._server.protocol.receive(body)
        except ForeignProtocol:
            logger.warning("closed a connection that speaks HTTP")
            self._server.stop()

    def eof_received(self) -> None:
        """The editor sends no more."""
        self._server.stop()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The connection is closed."""
        self._server.stop()


def run_stdio(create: Callable[[], CodeTuneServer], editor: int | None = None) -> NoReturn:
    """Serve one editor and end the process, whatever threads still run.

    Args:
        create: makes the server.
        editor: id of the editor's process, where it is known before ``initialize`` says it.
    """
    source, sink = claim_stdio()
    try:
        code = asyncio.new_event_loop().run_until_complete(serve_stdio(create(), source, sink, editor))
    except KeyboardInterrupt:
        code = 130  # what shells expect of a program that Ctrl-C ended
    logging.shutdown()
    os._exit(code)  # closing the loop in good order would wait for threads


def claim_stdio() -> tuple[int, int]:
    """Take standard input and output for the protocol alone: descriptors to read from and to write to.

    From then on whoever prints, here or in a child, prints to standard error, and whoever reads finds nothing.
    """
    sys.stdout.flush()
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2 if _is_open(2) else nothing, 1)
    os.close(nothing)
    return source, sink


async def serve_stdio(server: CodeTuneServer, source: int, sink: int, editor: int | None) -> int:
    """Serve one editor until it says ``exit`` or is gone; returns the process's exit code."""
    loop = asyncio.get_running_loop()

    def watch(pid: int | None) -> None:
        if pid is not None and not watch_process(pid, lambda: _call(loop, server.stop)):
            logger.warning("the editor's process cannot be seen from here; only its pipe is watched")

    server.watch = watch
    watch(editor)
    writer = await _open_writer(sink, server)
    server.protocol.writer = writer
    await _open_reader(source, Connection(server))
    await server.stopping.wait()
    await server.aclose()
    await writer.flushed()
    return server.exit_code


async def serve_tcp(
    create: Callable[[], CodeTuneServer], host: str, port: int, listening: Callable[[str], None]
) -> None:
    """Serve any number of editors, each by a server of its own, until cancelled; raises AddressRefused.

    Args:
        create: makes a server.
        host: name or address of this machine's loopback interface.
        port: 0 lets the system choose.
        listening: told the address, with the port.
    """
    address = await _loopback(host, port)
    serving: set[asyncio.Task[None]] = set()

    def connect() -> Connection:
        connection = _TcpConnection(create())
        serving.add(connection.serving)
        connection.serving.add_done_callback(serving.discard)
        return connection

    listener = await asyncio.get_running_loop().create_server(connect, *address)
    async with listener:
        chosen = listener.sockets[0].getsockname()
        listening(f"[{chosen[0]}]:{chosen[1]}" if ":" in chosen[0] else f"{chosen[0]}:{chosen[1]}")
        await listener.serve_forever()


class _TcpConnection(Connection):
    def __init__(self, server: CodeTuneServer) -> None:
        super().__init__(server)
        self._transport: asyncio.BaseTransport | None = None
        self.serving = asyncio.ensure_future(self._serve())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._server.protocol.writer = transport  # type: ignore[assignment]  # pygls asks for a stream; a transport writes too

    async def _serve(self) -> None:
        await self._server.stopping.wait()
        await self._server.aclose()
        if self._transport:
            self._transport.close()


async def _loopback(host: str, port: int) -> tuple[str, int]:
    """The first address of a host, which must be a loopback one."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise AddressRefused(f"The host {host!r} is not known.") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in addresses):
        raise AddressRefused(
            f"{host} can be reached from other machines, and whoever connects could read your files, because the "
            "protocol knows no passwords. Listen on 127.0.0.1 and forward the port, for example with ssh -L."
        )
    return addresses[0], port


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _is_pipe(descriptor: int) -> bool:
    mode = os.fstat(descriptor).st_mode
    return sys.platform != "win32" and (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode))


async def _open_reader(descriptor: int, connection: Connection) -> None:
    loop = asyncio.get_running_loop()
    if _is_pipe(descriptor):
        await loop.connect_read_pipe(lambda: connection, os.fdopen(descriptor, "rb", buffering=0))
        watch_pipe(os.dup(descriptor), lambda: _call(loop, connection.eof_received))
    else:
        threading.Thread(target=_pump, args=(descriptor, loop, connection), name="reader", daemon=True).start()


def _pump(descriptor: int, loop: asyncio.AbstractEventLoop, connection: Connection) -> None:
    while data := os.read(descriptor, _CHUNK):
        _call(loop, connection.data_received, data)
    _call(loop, connection.eof_received)


async def _open_writer(descriptor: int, server: CodeTuneServer) -> "_PipeWriter | _ThreadWriter":
    if not _is_pipe(descriptor):
        return _ThreadWriter(descriptor)
    writer = _PipeWriter(server)
    pipe = os.fdopen(descriptor, "wb", buffering=0)
    await asyncio.get_running_loop().connect_write_pipe(lambda: writer, pipe)
    return writer


class _PipeWriter(asyncio.BaseProtocol):
    """Writes without waiting for the editor to read."""

    def __init__(self, server: CodeTuneServer) -> None:
        self._server = server
        self._empty = asyncio.Event()
        self._empty.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.set_write_buffer_limits(high=0)
            self.write, self.close = transport.write, transport.close

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._empty.set()
        self._server.stop()

    def pause_writing(self) -> None:
        self._empty.clear()

    def resume_writing(self) -> None:
        self._empty.set()

    async def flushed(self) -> None:
        """Wait a little until the editor has read what was written."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH_SECONDS):
                await self._empty.wait()


class _ThreadWriter:
    """Writes where the loop cannot watch the descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pending: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        self._pending.put(data)

    def close(self) -> None:
        self._pending.put(None)

    async def flushed(self) -> None:
        """Wait a little until everything is written."""
        self.close()
        await asyncio.to_thread(self._thread.join, _FLUSH_SECONDS)

    def _run(self) -> None:
        with contextlib.suppress(OSError), os.fdopen(self._descriptor, "wb", buffering=0) as sink:
            while data := self._pending.get():
                while data:
                    data = data[sink.write(data) :]


def _call(loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *arguments: object) -> None:
    """Call in the loop's thread, unless the loop has ended."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(callback, *arguments)
