"""A real PostgreSQL server of Debian's packages, for one test process, and fresh databases of both kinds."""

import asyncio
import os
import pwd
import shutil
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
    """A running server; ``socket`` is the folder of its socket, which nobody else can enter."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder

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
def postgresql_server() -> Iterator[Server]:
    """Start a server of its own on a socket of its own; it keeps nothing."""
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        if os.geteuid() == 0:
            entry = pwd.getpwnam("postgres")
            os.chown(folder, entry.pw_uid, entry.pw_gid)
        data = folder / "data"
        subprocess.run(
            [PROGRAMS / "initdb", "-D", data, "-U", "tests", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"],
            check=True,
            capture_output=True,
            **owner(),
        )
        options = [
            "-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off",
            "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_connections=200",
        ]  # fmt: skip
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [PROGRAMS / "postgres", "-D", data, *options], stdout=subprocess.DEVNULL, stderr=log, **owner()
            )
        try:
            await_ready(folder, process)
            yield Server(folder)
        finally:
            process.terminate()
            process.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def await_ready(folder: Path, process: subprocess.Popen, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while subprocess.run([PROGRAMS / "pg_isready", "-q", "-h", folder], check=False).returncode:
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < end
        time.sleep(0.05)
