"""A real PostgreSQL server of Debian's packages, for one test process, and fresh databases of both kinds."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import asyncpg

PROGRAMS = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
_numbers = count()


class Server:
    """A server; ``socket`` is the folder of its socket, which nobody else can enter."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self.socket = folder
        self._settings = [part for setting in settings for part in ("-c", setting)]

    def start(self) -> None:
        """Run, and wait until it answers."""
        with (self.socket / "log").open("ab") as log:
            command = [PROGRAMS / "postgres", "-D", self.socket / "data", *self._settings]
            self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, **owner())
        await_ready(self.socket, self._process)

    def stop(self) -> None:
        """End in good order."""
        self._process.terminate()
        self._process.wait(20)

    def crash(self) -> None:
        """End at once, as ``pg_ctl stop -m immediate`` does: no connection is told why, nothing is finished."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(20)

    def url(self, name: str) -> str:
        return f"postgresql://tests@/{name}?host={self.socket}"

    def run(self, statement: str) -> None:
        asyncio.run(self._run(statement))

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def create(self, template: str = "template1") -> str:
        """Make a fresh database and return its URL."""
        name = f"t{next(_numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop(self, url: str) -> None:
        self.run(f"DROP DATABASE {url.partition('@/')[2].partition('?')[0]} WITH (FORCE)")


def owner() -> dict:
    """Whom the server runs as: it refuses root."""
    return {"user": "postgres"} if os.geteuid() == 0 else {}


@contextmanager
def postgresql_server(*settings: str) -> Iterator[Server]:
    """Start a server of its own on a socket of its own, with settings such as ``fsync=on``; it keeps nothing."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    usual = ("listen_addresses=", f"unix_socket_directories={folder}", "max_connections=200")
    careless = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
    server = Server(folder, *usual, *careless, *settings)
    try:
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        flags = ("-U", "tests", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        command = [PROGRAMS / "initdb", "-D", folder / "data", *flags]
        subprocess.run(command, check=True, capture_output=True, **owner())
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def await_ready(folder: Path, process: subprocess.Popen, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while subprocess.run([PROGRAMS / "pg_isready", "-q", "-h", folder], check=False).returncode:
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < end
        time.sleep(0.05)
