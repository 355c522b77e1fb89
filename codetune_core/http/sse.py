"""Reads Server-Sent Events from bytes as they arrive.

The format is that of the WHATWG standard, section 9.2.6: lines end with CR, LF or both; an empty line ends an event;
what begins with a colon is a comment; several ``data`` lines are joined with line feeds; text is UTF-8, of which what
is not is replaced; an event that nothing ended is dropped.
"""

from dataclasses import dataclass

from codetune_core.errors import EngineLost

_MOST_BYTES = 8_000_000
"""Of one event; nothing that a model answers comes near."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """``data`` is the text, ``event`` its type and ``id`` its own, each empty where none was named."""

    data: str
    event: str = ""
    id: str = ""


class EventReader:
    """Holds what has arrived of the next event."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._data: list[bytes] = []
        self._event = self._id = ""
        self._bytes = 0
        self._after_return = False
        self._at_start = True

    def feed(self, block: bytes) -> list[ServerSentEvent]:
        """Return the events that end in the next bytes; raises EngineLost where one grows beyond all bounds."""
        if self._after_return and block.startswith(b"\n"):
            block = block[1:]
        elif not block:
            return []
        self._after_return = block.endswith(b"\r")
        events = []
        for line in block.splitlines(keepends=True):
            self._count(len(line))
            if not line.endswith((b"\n", b"\r")):
                self._pieces.append(line)
            elif event := self._line(self._whole(line.rstrip(b"\r\n"))):
                events.append(event)
        return events

    def _whole(self, end: bytes) -> bytes:
        line = b"".join((*self._pieces, end)) if self._pieces else end
        self._pieces.clear()
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        return line

    def _line(self, line: bytes) -> ServerSentEvent | None:
        if not line:
            return self._ended()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
        elif field == b"event":
            self._event = value.decode("utf-8", "replace")
        elif field == b"id":
            self._id = value.decode("utf-8", "replace")
        return None

    def _ended(self) -> ServerSentEvent | None:
        data, event, number = self._data, self._event, self._id
        self._data, self._event, self._id, self._bytes = [], "", "", 0
        return ServerSentEvent(b"\n".join(data).decode("utf-8", "replace"), event, number) if data else None

    def _count(self, length: int) -> None:
        self._bytes += length
        if self._bytes > _MOST_BYTES:
            raise EngineLost(f"the server sent one event of more than {_MOST_BYTES:,} bytes")
