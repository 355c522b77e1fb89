"""Another machine, as far as the program can tell: a proxy that leads to it, ends its TLS, and records each byte."""

import asyncio
import hashlib
import ssl
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import trustme

HOST = "models.acme.dev"


@dataclass(frozen=True)
class OnWire:
    """One request as its bytes came."""

    method: str
    path: str
    body: bytes

    @property
    def told(self) -> tuple[str, str, int, str]:
        """As the ledger tells it."""
        return self.method, self.path, len(self.body), hashlib.sha256(self.body).hexdigest()


@dataclass
class Wire:
    """``proxy`` and ``ca_file`` are the settings with which ``https://models.acme.dev`` is reached."""

    proxy: str
    ca_file: Path
    streams: list[bytearray] = field(default_factory=list)
    connections: int = 0

    @property
    def settings(self) -> dict:
        return {"proxy": self.proxy, "ca_file": str(self.ca_file)}

    @property
    def bytes(self) -> bytes:
        """All that came, one connection after the other."""
        return b"\0".join(self.streams)

    @property
    def requests(self) -> list[OnWire]:
        return [request for stream in self.streams for request in _requests(bytes(stream))]


@asynccontextmanager
async def wire(upstream_port: int, folder: Path):
    """Record what is sent to a server of 127.0.0.1, which answers as another machine."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(HOST).configure_cert(context)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    recorded = Wire("", folder / "ca.pem")
    tasks = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        recorded.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(f"CONNECT {HOST}:443 ".encode()), head
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await writer.start_tls(context)
            stream = bytearray()
            recorded.streams.append(stream)
            there, back = await asyncio.open_connection("127.0.0.1", upstream_port)
            await asyncio.gather(_pump(reader, back, stream), _pump(there, writer, bytearray()))
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=2**24)
    recorded.proxy = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield recorded
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: bytearray) -> None:
    try:
        while block := await reader.read(2**16):
            record += block
            writer.write(block)
            await writer.drain()
    finally:
        writer.close()


def _requests(stream: bytes):
    while stream:
        head, _, rest = stream.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        assert "transfer-encoding" not in headers
        length = int(headers.get("content-length", 0))
        yield OnWire(method, target.partition("?")[0], rest[:length])
        stream = rest[length:]
