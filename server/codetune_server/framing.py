"""Cuts a stream of bytes into the messages of the Language Server Protocol, whatever else is in it.

The format is the protocol's base part: header lines, an empty line, and as many bytes of JSON as ``Content-Length``
says. Bytes that are no header are skipped up to the next header.
"""

import re
from collections.abc import Iterator

_END = re.compile(rb"\r?\n\r?\n")
_LENGTH = re.compile(rb"content-length:[ \t]*(\d{1,10})[ \t]*(?:\r?\n|\Z)", re.IGNORECASE)
_HTTP = re.compile(rb"[A-Z]+ [^\r\n]* HTTP/\d")
_LONGEST_HEADER = 65_536
LONGEST_BODY = 1 << 30


class ForeignProtocol(Exception):  # noqa: N818 - it is what was found, not what failed
    """The other end speaks HTTP: perhaps a web page that tries what listens on this machine."""


class Framer:
    """Holds the bytes that have come and are not yet a whole message."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._wanted: int | None = None

    def __len__(self) -> int:
        return len(self._bytes)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take bytes and yield the bodies they complete; raises ForeignProtocol."""
        self._bytes += data
        while (body := self._body()) is not None:
            yield body

    def _body(self) -> bytes | None:
        while self._wanted is None:
            if not self._header():
                return None
        if len(self._bytes) < self._wanted:
            return None
        body = bytes(self._bytes[: self._wanted])
        del self._bytes[: self._wanted]
        self._wanted = None
        return body

    def _header(self) -> bool:
        """Take one block of header lines; says whether one was there."""
        end = _END.search(self._bytes)
        if end is None:
            del self._bytes[:-_LONGEST_HEADER]
            return False
        block = bytes(self._bytes[: end.end()])
        del self._bytes[: end.end()]
        if _HTTP.search(block):
            raise ForeignProtocol
        lengths = _LENGTH.findall(block)
        if lengths and int(lengths[-1]) <= LONGEST_BODY:
            self._wanted = int(lengths[-1])
        return True


def frame(body: bytes) -> bytes:
    """One message as it goes over the stream."""
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
