"""Frames to bytes and back: four bytes of length, big-endian, then JSON."""

from collections.abc import Iterator

from pydantic import BaseModel

LONGEST = 256 * 1024 * 1024
"""Bytes; beyond it, what arrives is no frame."""
_LENGTH = 4


class NotAFrame(ValueError):  # noqa: N818 - the name says what is wrong with the bytes
    """What arrived is no frame."""


def encode(frame: BaseModel) -> bytes:
    """Return a frame's bytes."""
    body = frame.__pydantic_serializer__.to_json(frame)
    return len(body).to_bytes(_LENGTH, "big") + body


class Frames:
    """Cuts a stream of bytes into the JSON of its frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the JSON of each frame that is complete; raises NotAFrame."""
        self._buffer += data
        start = 0
        while len(self._buffer) >= start + _LENGTH:
            body = start + _LENGTH
            length = int.from_bytes(self._buffer[start:body], "big")
            if length > LONGEST:
                raise NotAFrame(f"a frame of {length:,} bytes")
            if len(self._buffer) < body + length:
                break
            yield bytes(self._buffer[body : body + length])
            start = body + length
        del self._buffer[:start]
