"""A TCP proxy with the faults of networks: delays, cuts, resets, dead connections, buffers, doubled requests."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

_BLOCK = 65536
_LAST_CHUNK = b"0\r\n\r\n"


class TcpProxy:
    """Forwards to one server; what is set holds for bytes and connections from then on.

    Attributes:
        connections: how many were made to it.
        latency: seconds before each block, in both directions.
        cut_after: bytes of the answer after which the next connection is cut, once.
        reset_before: connections that are reset before anything is forwarded.
        reset_after_request: connections that are reset when the request was forwarded.
        frozen: nothing is forwarded any more on the connections that are open then, and nobody is told.
        buffers: answers are passed on only when they are complete.
        doubles: each request is sent twice, over a connection of its own, whose answer nobody reads.
        refuses: connections are closed at once.
    """

    def __init__(self, target: str) -> None:
        self.lead_to(target)
        self.url = ""
        self.connections = 0
        self.latency = 0.0
        self.cut_after: int | None = None
        self.reset_before = self.reset_after_request = 0
        self.buffers = self.doubles = self.refuses = False
        self._frozen: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task] = set()

    def lead_to(self, target: str) -> None:
        """Forward new connections to this address."""
        parts = urlsplit(target)
        self._host, self._port = parts.hostname, parts.port

    def freeze(self) -> None:
        """Let the open connections go dead."""
        self._frozen |= self._open

    def cut(self) -> None:
        """Close the open connections."""
        for writer in list(self._open):
            writer.close()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.current_task())
        self.connections += 1
        if self.refuses or self.reset_before:
            self.reset_before = max(0, self.reset_before - 1)
            return _reset(writer)
        upstream, sink = await asyncio.open_connection(self._host, self._port)
        self._open.add(writer)
        try:
            tasks = [
                asyncio.create_task(self._requests(reader, sink, writer)),
                asyncio.create_task(self._answers(upstream, writer)),
            ]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self._open.discard(writer)
            for one in (writer, sink):
                one.close()
        return None

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):
            await self.handle(reader, writer)

    async def _requests(self, reader, sink, writer) -> None:
        with suppress(ConnectionError):
            while block := await reader.read(_BLOCK):
                await self._pass(block, sink, writer)
                if self.doubles:
                    _, again = await asyncio.open_connection(self._host, self._port)
                    again.write(block)
                    await again.drain()
                    self._tasks.add(asyncio.create_task(_closed_later(again)))
                if self.reset_after_request:
                    self.reset_after_request -= 1
                    await asyncio.sleep(0.05)  # so that the server has read it
                    _reset(writer)
                    return

    async def _answers(self, upstream, writer) -> None:
        held = b""
        with suppress(ConnectionError):
            while block := await upstream.read(_BLOCK):
                held += block
                if self.buffers and not held.endswith(_LAST_CHUNK):
                    continue
                if self.cut_after is not None:
                    part, self.cut_after = held[: self.cut_after], self.cut_after - len(held)
                    if self.cut_after <= 0:
                        self.cut_after = None
                        await self._pass(part, writer, writer)
                        return
                await self._pass(held, writer, writer)
                held = b""

    async def _pass(self, block: bytes, to: asyncio.StreamWriter, connection: asyncio.StreamWriter) -> None:
        if self.latency:
            await asyncio.sleep(self.latency)
        if connection in self._frozen:
            await asyncio.Event().wait()
        to.write(block)
        await to.drain()

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def _closed_later(writer: asyncio.StreamWriter) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        writer.close()


@asynccontextmanager
async def proxied(target: str, set_up: Callable[[TcpProxy], None] = lambda _: None) -> AsyncIterator[TcpProxy]:
    """A proxy before the server at this address."""
    proxy = TcpProxy(target)
    set_up(proxy)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.aclose()
        await server.wait_closed()
