"""Where a request comes from: a Unix socket of one's own, or an address."""

import os
import socket

from aiohttp import web

from codetune_core.runtime.peer import peer_uid

_FORWARDED = ("Forwarded", "X-Forwarded-For", "Via")


def by_unix_socket(request: web.Request) -> bool:
    """Tell whether it came over a Unix socket."""
    connected = _socket(request)
    return connected is not None and connected.family == getattr(socket, "AF_UNIX", None)


def by_own_user(request: web.Request) -> bool:
    """Tell whether the process at the other end of a Unix socket is of the user that this one is of."""
    connected = _socket(request)
    return connected is not None and peer_uid(connected) == os.getuid()


def of_this_machine(request: web.Request) -> bool:
    """Tell whether the client's files are those that this process sees."""
    return by_unix_socket(request) and not forwarded(request)


def forwarded(request: web.Request) -> bool:
    """Tell whether a proxy speaks for somebody else."""
    return any(name in request.headers for name in _FORWARDED)


def address(request: web.Request, *, trust_proxy: bool) -> str:
    """Return the address of who asks; the last one that a trusted proxy added to X-Forwarded-For, if there is one."""
    if trust_proxy:
        said = ",".join(request.headers.getall("X-Forwarded-For", [])).rpartition(",")[2].strip()
        if said:
            return said
    return request.remote or ""


def _socket(request: web.Request) -> socket.socket | None:
    found: socket.socket | None = request.get_extra_info("socket")
    return found
