"""Sends bytes to the service as they are, for what no client library would send."""

import asyncio
import json
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Answered:
    """All that came until the service closed: the first answer, and how many there were."""

    raw: bytes

    @property
    def count(self) -> int:
        return len(re.findall(rb"HTTP/1\.[01] [0-9]{3} ", self.raw))

    @property
    def head(self) -> str:
        return self.raw.partition(b"\r\n\r\n")[0].decode()

    @property
    def status(self) -> int:
        return int(self.head.split(" ")[1])

    @property
    def problem(self) -> dict:
        assert "content-type: application/problem+json" in self.head.lower()
        return json.loads(self.raw.partition(b"\r\n\r\n")[2].partition(b"HTTP/1.1 ")[0])


async def send_raw(path: Path, *pieces: bytes) -> Answered:
    """Send, and read until the service closes the connection."""
    reader, writer = await asyncio.open_unix_connection(path)
    return await _exchange(reader, writer, pieces)


async def send_raw_tcp(port: int, *pieces: bytes) -> Answered:
    """Send over TCP, and read until the service closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    return await _exchange(reader, writer, pieces)


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pieces: tuple[bytes, ...]) -> Answered:
    came = b""
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        while piece := await reader.read(1 << 16):
            came += piece
    except ConnectionError:
        pass
    finally:
        writer.close()
    return Answered(came)
