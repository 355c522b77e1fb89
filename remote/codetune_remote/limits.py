"""What a connection may take: time and bytes, before anybody knows who asks."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and bytes; the size of a body is the user's own setting.

    ``idle_seconds`` is also the time in which the headers of a request must have come: a connection that has none by
    then is closed. ``linger_seconds`` is how long the rest of a refused body is read, so that the answer arrives.
    """

    idle_seconds: float = 75
    body_seconds: float = 60
    linger_seconds: float = 3
    line_bytes: int = 8190
    header_bytes: int = 8190
    headers: int = 100

    def of_connections(self) -> dict[str, Any]:
        """Return what aiohttp calls them."""
        return {
            "keepalive_timeout": self.idle_seconds,
            "lingering_time": self.linger_seconds,
            "max_line_size": self.line_bytes,
            "max_field_size": self.header_bytes,
            "max_headers": self.headers,
        }


LIMITS = web.AppKey("limits", Limits)
