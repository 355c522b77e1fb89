"""Where a service of this user is met, and whether anybody is there."""

import socket
from pathlib import Path

from codetune_core.runtime.folder import Files, runtime_folder

_CONNECT_SECONDS = 2


def daemon_files() -> Files:
    """Return the daemon's socket, lock and log; raises SettingsError where this system has no Unix sockets."""
    return Files(runtime_folder("codetune"), "daemon")


def identity_file(path: Path) -> Path:
    """Return where who listens at a socket says which version and settings it runs."""
    return path.with_suffix(".json")


def lock_file(path: Path) -> Path:
    """Return what is locked as long as somebody listens at a socket, or is about to."""
    return path.with_suffix(".lock")


def listens(path: Path) -> bool:
    """Tell whether somebody accepts connections at a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(_CONNECT_SECONDS)
        try:
            caller.connect(str(path))
        except OSError:
            return False
        return True


def clear(path: Path) -> None:
    """Remove what a dead service left; only who holds its lock may."""
    identity_file(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)
