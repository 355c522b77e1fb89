"""What a plugin's process may do: memory by the operating system, and nothing that its metadata do not declare.

Undeclared use is refused through Python's audit events (PEP 578). That catches mistakes and carelessness of Python
code; it is no wall against code that wants to break out of it.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterable

_NETWORK = {
    "socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyaddr", "socket.gethostbyname",
    "socket.sendmsg", "socket.sendto",
}  # fmt: skip
_PROCESSES = {
    "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "pty.spawn",
    "subprocess.Popen",
}  # fmt: skip
_SPAWNERS = {"multiprocessing.popen_forkserver", "multiprocessing.popen_spawn_posix"}
"""They start programs without an event of their own."""
_READS = {"os.listdir", "os.scandir"}
_WRITES = {
    "os.chmod", "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate",
    "os.utime", "sqlite3.connect",
}  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_SYSTEM = (
    "/usr", "/lib", "/lib64", "/System", "/Library", "/etc/ssl", "/etc/localtime", "/etc/mime.types",
    "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/proc/self", "/proc/cpuinfo", "/proc/meminfo",
)  # fmt: skip
"""What programs of every kind read, and what holds nothing of the user."""


class Guard:
    """The audit hook; refuses with PermissionError what is not allowed."""

    def __init__(self) -> None:
        self._writable = (os.path.realpath(tempfile.gettempdir()), os.devnull)
        self.allow(())

    def allow(self, capabilities: Iterable[str], file: str = "") -> None:
        """Allow what is declared, and to read the plugin's own file."""
        self._allowed = frozenset(capabilities)
        installed = (*sys.path, sys.prefix, sys.base_prefix, *_SYSTEM, *([file] if file else []))
        self._readable = tuple({os.path.realpath(path) for path in installed if path}) + self._writable

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in _NETWORK:
            self._expect("network", event)
        elif event in _PROCESSES or (event == "import" and arguments[0] in _SPAWNERS):
            self._expect("processes", event)
        elif event == "open":
            flags = arguments[2]
            self._expect_path(arguments[0], writes=isinstance(flags, int) and bool(flags & _WRITING))
        elif event in _READS:
            self._expect_path(arguments[0] or ".", writes=False)
        elif event in _WRITES:
            for path in arguments:
                self._expect_path(path, writes=True)

    def _expect(self, capability: str, what: str) -> None:
        if capability not in self._allowed:
            raise PermissionError(f"{what}: the plugin does not declare the capability {capability!r}")

    def _expect_path(self, path: object, *, writes: bool) -> None:
        if "files" in self._allowed or not isinstance(path, str | bytes | os.PathLike):
            return
        real = os.path.realpath(os.fsdecode(path))
        roots = self._writable if writes else self._readable
        if not any(real == root or real.startswith(root.rstrip(os.sep) + os.sep) for root in roots):
            self._expect("files", f"{'write' if writes else 'read'} {real}")


def limit_memory(memory_bytes: int) -> None:
    """Limit the address space of this process and of each that it starts, and write no core files.

    Where the operating system has no such limit (Windows, and macOS for the address space), nothing is limited.
    """
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return
    for kind, value in ((resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CORE, 0)):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(kind, (value, value))
