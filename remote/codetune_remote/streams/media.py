"""How events are written into a response: server-sent events, lines of JSON, or one JSON object when it is over."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import web

from codetune_remote.problems import Refusal

Numbered = tuple[int, bytes, bytes]
"""An event's number, type and JSON."""
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Medium:
    """A way to stream: the kind of content, how events look in it, and what says that the connection lives."""

    kind: str
    frames: Callable[[Iterable[Numbered]], bytes]
    heartbeat: bytes


def _sse(events: Iterable[Numbered]) -> bytes:
    """Frame events as the HTML standard says (9.2.5); JSON has no line ends, so one ``data`` line is enough."""
    return b"".join(b"id: %d\nevent: %s\ndata: %s\n\n" % event for event in events)


def _ndjson(events: Iterable[Numbered]) -> bytes:
    return b"".join(b'{"id": %d, "event": %s}\n' % (number, content) for number, _, content in events)


SSE = Medium("text/event-stream", _sse, b": heartbeat\n\n")
NDJSON = Medium("application/x-ndjson", _ndjson, b'{"heartbeat": true}\n')
MEDIA: tuple[str, ...] = (SSE.kind, NDJSON.kind, JSON)
"""Kinds of content that an execution is given in, the usual one first."""
_STREAMS = {medium.kind: medium for medium in (SSE, NDJSON)}


def medium_of(request: web.Request) -> Medium | None:
    """Return how the client wants the events (RFC 9110, 12.5.1); None for one JSON object. Raises Refusal 406."""
    return _medium(",".join(request.headers.getall("Accept", [])))


@lru_cache(maxsize=64)
def _medium(wanted: str) -> Medium | None:
    qualities = {kind: _quality(wanted, kind) for kind in MEDIA} if wanted.strip() else {SSE.kind: 1.0}
    best = max(qualities, key=lambda kind: qualities[kind])
    if not qualities[best]:
        raise Refusal(406, "not-acceptable", f"this is given as one of {', '.join(MEDIA)}")
    return _STREAMS.get(best)


def _quality(accepted: str, kind: str) -> float:
    """Return how much a kind is wanted, by the most specific range that it is in; 0 for not at all."""
    ranges = ["*/*", kind.partition("/")[0] + "/*", kind]
    found = (-1, 0.0)
    for part in accepted.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if name in ranges:
            found = max(found, (ranges.index(name), _weight(parameters)))
    return found[1]


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
