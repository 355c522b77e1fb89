"""Asks a service at a Unix socket a short question, with the standard library alone."""

import http.client
import socket
from pathlib import Path

_SECONDS = 2


class _AtSocket(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(path: Path, address: str, seconds: float = _SECONDS) -> tuple[int, bytes] | None:
    """Return the status and the body of a GET, such as of ``/healthz``; None where nobody answers in time."""
    connection = _AtSocket(path, seconds)
    try:
        connection.request("GET", address)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
