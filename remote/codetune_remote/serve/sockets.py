"""The sockets that a service listens on: one of the user's own that never has two owners, or TCP."""

import ipaddress
import os
import re
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from codetune_core.daemon.identity import Identity
from codetune_core.daemon.place import clear, identity_file, listens, lock_file
from codetune_core.errors import SettingsError
from codetune_core.runtime.folder import held, take

_BACKLOG = 512
_LOOKED_AT_SECONDS = 0.5
"""Who only looks whether a lock is free holds it for a moment."""
_POLL_SECONDS = 0.02
_PID, _IDENTITY = re.compile(rb"[0-9]{0,20}"), re.compile(rb'\{.*"wire".*\}', re.DOTALL)


class ServesAlready(Exception):  # noqa: N818 - no error: what was asked for is there
    """Another service listens on this socket; the text says which."""


@contextmanager
def unix_socket(path: Path, lock: int | None = None) -> Iterator[socket.socket]:
    """Listen on a Unix socket (0600, in a folder that is the user's alone), and remove it in the end.

    One that nobody listens on any more is replaced.

    Args:
        path: of the socket.
        lock: descriptor of its lock, where that was taken before this process began.

    Raises:
        ServesAlready: where another service listens there.
        SettingsError: where nobody can.
    """
    _expect_private(path.parent)
    _expect_own_files(path)
    descriptor = _locked(path) if lock is None else lock
    with held(descriptor):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        _expect_free(path)
        clear(path)
        listener = _bound(path)
        own = path.stat().st_ino
        try:
            with listener:
                yield listener
        finally:
            if path.exists() and path.stat().st_ino == own:
                clear(path)


def tcp_socket(host: str, port: int) -> socket.socket:
    """Listen on an address; port 0 takes any free one. Raises SettingsError."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}") from error


def where(listener: socket.socket, *, encrypted: bool = False) -> str:
    """Return where somebody listens, as it is written in addresses."""
    if listener.family == socket.AF_UNIX:
        return str(listener.getsockname())
    host, port = listener.getsockname()[:2]
    return f"{'https' if encrypted else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def is_this_machine(listener: socket.socket) -> bool:
    """Tell whether only this machine can reach it."""
    return listener.family == socket.AF_UNIX or ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def _expect_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        about = folder.stat()
    except OSError as error:
        raise SettingsError(f"no socket can be made in {folder}: {error.strerror}") from error
    if about.st_uid != os.getuid() or about.st_mode & 0o077:
        raise SettingsError(f"others can look into {folder}: use a folder of your own, with mode 0700 (chmod 700)")


def _expect_own_files(path: Path) -> None:
    """Refuse a name beside which others' files stand where this socket's own have to be: those are overwritten."""
    if path.suffix != ".sock":
        raise SettingsError(f"the name of a socket ends in .sock, and {path} does not: choose another path")
    for file, expected in ((lock_file(path), _PID), (identity_file(path), _IDENTITY)):
        with suppress(FileNotFoundError):
            if not expected.fullmatch(file.read_bytes()):
                raise SettingsError(f"{file} is none that a service left there: choose another name for the socket")


def _locked(path: Path) -> int:
    deadline = time.monotonic() + _LOOKED_AT_SECONDS
    while (descriptor := take(lock_file(path))) is None:
        if time.monotonic() > deadline:
            raise ServesAlready(_who(path))
        time.sleep(_POLL_SECONDS)
    return descriptor


def _who(path: Path) -> str:
    pid = lock_file(path).read_text("ascii").strip() or "that is starting"
    found = Identity.read(identity_file(path))
    does = f"serves on {path} already" if found else f"is about to begin or to end on {path}"
    return f"process {pid} {does}" + (f" (CodeTune {found.version})" if found else "")


def _expect_free(path: Path) -> None:
    """Refuse to take away what is not a dead service's."""
    if not os.path.lexists(path):
        return
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise SettingsError(f"{path} is no socket: choose another path")
    if listens(path):
        raise SettingsError(f"another program listens on {path}: choose another path")


def _bound(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        listener.bind(str(path))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError(f"cannot listen on {path}: {error.strerror or error}") from error
    finally:
        os.umask(mask)
    return listener
