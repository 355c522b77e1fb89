"""A user of their own: settings, database and runtime folder, whose daemon and models end with the test."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import processes

from codetune_core.daemon.identity import Identity, running
from codetune_core.daemon.own import own_identity, own_settings
from codetune_core.daemon.place import daemon_files, identity_file
from codetune_core.runtime.folder import Files, holder

CODETUNE = str(Path(sys.executable).parent / "codetune")
_WORDS = " ".join(f"word{number}" for number in range(2000))
SLOW = f"""\
models: [{{name: tiny, engine: scripted, context_tokens: 8192}}]
rules:
  - {{contains: SLOW, token_delay_ms: 30, answers: ["{_WORDS}"]}}
default: {{answers: ["It adds two numbers."]}}
"""
"""A script whose answer to what contains SLOW takes a minute."""
_SECONDS = 60
_FAKE = """
import json, os, signal, socket, sys
from pathlib import Path
from codetune_core.daemon.place import daemon_files, identity_file
from codetune_core.runtime.folder import take
files = daemon_files()
lock = take(files.lock)
os.pwrite(lock, str(os.getpid()).encode(), 0)
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(str(files.socket))
    listener.listen()
    said = json.loads(sys.argv[1]) | {"pid": os.getpid()}
    identity_file(files.socket).write_text(json.dumps(said))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("listens", flush=True)
    sys.stdin.read()
"""


class User:
    """One user of this machine; the environment of the test is theirs while the block runs."""

    def __init__(self, home: Path, database: Path) -> None:
        self.home = home
        self.database = database

    @property
    def files(self) -> Files:
        return daemon_files()

    @property
    def pid(self) -> int | None:
        """The process that runs as the daemon."""
        return holder(self.files.lock)

    def configure(self, **sections: Any) -> None:
        """Write the user's own settings: two levels of tables."""
        lines = []
        for section, values in sections.items():
            lines.append(f"[{section}]")
            lines += [f"{name} = {json.dumps(value)}" for name, value in values.items()]
        folder = self.home / "config" / "codetune"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "codetune.toml").write_text("\n".join(lines))

    def scripted(self, script: str = SLOW, **sections: Any) -> None:
        """Let a script answer."""
        path = self.home / "answers.yaml"
        path.write_text(script)
        self.configure(engine={"name": "scripted", "script": str(path)}, **sections)

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start ``codetune`` as a process of its own."""
        return subprocess.Popen(
            [CODETUNE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.home
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run ``codetune``; return its exit code and what it printed."""
        child = self.start(*arguments)
        out, err = child.communicate(timeout=_SECONDS)
        return child.returncode, out, err

    def recorded(self) -> list[tuple[str, Any, Any]]:
        """Error kind, success and output of every execution, the oldest first."""
        with sqlite3.connect(self.database) as connection:
            rows = connection.execute(
                "SELECT error_kind, success, output_data FROM execution_history ORDER BY sequence"
            ).fetchall()
        connection.close()
        return rows

    @contextmanager
    def pretended(self, **changes: Any) -> Iterator[int]:
        """A process that holds the daemon's lock and says that it is this program, but for ``changes``."""
        ours = replace(own_identity(own_settings().settings), **changes)
        child = processes.start(_FAKE, json.dumps(asdict(ours)))
        try:
            assert processes.await_line(child) == "listens"
            yield child.pid
        finally:
            child.kill()
            processes.end(child)

    def grow_old(self) -> None:
        """Let the daemon that runs say that it was started an hour ago."""
        said = running(self.files)
        assert said
        path = identity_file(self.files.socket)
        path.write_text(json.dumps(asdict(replace(said, started_at=said.started_at - 3600))))

    def said(self) -> Identity | None:
        return running(self.files)

    def kill_all(self) -> None:
        """Kill the daemon and every model process, and wait until they are gone."""
        for lock in Path(os.environ["XDG_RUNTIME_DIR"]).glob("codetune*/*.lock"):
            while pid := holder(lock):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.01)


@contextmanager
def user(database: str, monkeypatch: Any) -> Iterator[User]:
    """Be a user with nothing but a database file; short paths, for sockets lie in them."""
    with tempfile.TemporaryDirectory(prefix="ctu") as name:
        home = Path(name)
        (home / "run").mkdir(mode=0o700)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "run"))
        for kind in ("CONFIG", "DATA", "STATE"):
            monkeypatch.setenv(f"XDG_{kind}_HOME", str(home / kind.lower()))
        monkeypatch.setenv("CODETUNE_DATABASE_URL", database)
        found = User(home, Path(database.removeprefix("sqlite:///")))
        try:
            yield found
        finally:
            found.kill_all()


async def until(holds: Any, what: str, seconds: float = _SECONDS) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)


def wait_until(holds: Any, what: str) -> None:
    """The same for tests that run no loop."""
    deadline = time.monotonic() + _SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)
