"""The private folders where running processes are met: their sockets, locks and logs."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from codetune_core.errors import SettingsError

if sys.platform != "win32":
    import fcntl

_LONGEST_FOLDER = 62
"""Bytes: an address of a Unix socket has 104 on macOS (108 on Linux), and 38 are the socket's own name."""


@dataclass(frozen=True, slots=True)
class Files:
    """What lies in the folder for one process."""

    folder: Path
    key: str

    @property
    def socket(self) -> Path:
        """Where the process listens."""
        return self.folder / f"{self.key}.sock"

    @property
    def lock(self) -> Path:
        """Locked as long as the process lives; holds its id."""
        return self.folder / f"{self.key}.lock"

    @property
    def log(self) -> Path:
        """What the process writes."""
        return self.folder / f"{self.key}.log"


def runtime_folder(name: str) -> Path:
    """Return the user's folder of this name, which nobody else can look into.

    Raises SettingsError where there can be none.
    """
    if sys.platform == "win32" or not hasattr(os, "getuid"):
        raise SettingsError(
            "models and the daemon of this machine need Unix sockets, which Python has not on Windows: run CodeTune in "
            'WSL, or an OpenAI-compatible server such as Ollama, and set engine.name = "openai" and engine.base_url'
        )
    for folder in _candidates(name):
        if len(os.fsencode(folder)) <= _LONGEST_FOLDER and folder.parent.is_dir():
            return private(folder)
    raise SettingsError("the path of XDG_RUNTIME_DIR or TMPDIR is too long for a socket: set it to a shorter one")


def private(folder: Path) -> Path:
    """Make a folder with mode 0700; raises SettingsError where it is somebody else's."""
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    if folder.is_symlink() or not folder.is_dir() or about.st_uid != os.getuid():
        raise SettingsError(f"{folder} is not a folder of your own: remove it, or set XDG_RUNTIME_DIR to one")
    if about.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def _candidates(name: str) -> Iterator[Path]:
    for parent in (os.environ.get("XDG_RUNTIME_DIR"), f"/run/user/{os.getuid()}"):
        if parent and os.access(parent, os.W_OK):
            yield Path(parent) / name
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - the folder's owner is checked
        yield Path(parent) / f"{name}-{os.getuid()}"


def take(path: Path) -> int | None:
    """Lock a file and return its descriptor; None where somebody holds it. The lock ends with its last descriptor."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def holder(path: Path) -> int | None:
    """Return the id of the process that holds a lock and wrote its id there; None where nobody does."""
    descriptor = take(path) if path.exists() else -1
    if descriptor is None:
        return int(path.read_text("ascii") or 0) or None
    if descriptor >= 0:
        os.close(descriptor)
    return None


@contextmanager
def held(descriptor: int) -> Iterator[None]:
    """Let go of a lock in the end."""
    try:
        yield
    finally:
        os.close(descriptor)
