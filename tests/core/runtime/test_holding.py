"""A signal reaches the process that holds a lock, and never one that only has its number."""

import asyncio
import os
import signal
from contextlib import contextmanager
from dataclasses import replace

import processes
import pytest

from codetune_core.daemon import control
from codetune_core.daemon import ensure as ensuring
from codetune_core.daemon.ensure import ensure
from codetune_core.daemon.own import own_identity, own_settings
from codetune_core.daemon.place import identity_file
from codetune_core.engines.transformers.host import Host
from codetune_core.errors import DaemonError
from codetune_core.runtime.folder import Files, take
from codetune_core.runtime.holding import holding

LIVES = "while True:\n    print('lives', flush=True)\n    input()"
HOLDS = """
import os, sys
from pathlib import Path
from codetune_core.runtime.folder import take
os.pwrite(take(Path(sys.argv[1])), str(os.getpid()).encode(), 0)
print("holds", flush=True)
input()
"""


@contextmanager
def child(script, *arguments):
    process = processes.start(script, *arguments)
    try:
        assert processes.await_line(process)
        yield process
    finally:
        processes.kill(process)


def lives(process):
    """Tell whether a process answers, which none does that was sent a signal before it was asked."""
    processes.tell(process)
    return processes.await_line(process) == "lives"


@pytest.fixture(params=["nobody holds it", "somebody just took it"])
def stranger(request, somebody):
    """A process with the number that a daemon left in its lock, and in what it said of itself."""
    lock = take(somebody.files.lock) if request.param == "somebody just took it" else None
    with child(LIVES) as process:
        somebody.files.lock.write_text(str(process.pid))
        said = replace(own_identity(own_settings().settings), settings="others", pid=process.pid, started_at=1.0)
        said.write(identity_file(somebody.files.socket))
        yield process
    if lock is not None:
        os.close(lock)


def test_no_stranger_is_told_to_end_in_a_daemon_s_place(somebody, stranger):
    assert control.stop(somebody.files, 0, at_once=True) is None
    assert lives(stranger)


def test_no_stranger_is_killed_in_a_model_process_s_place(somebody, stranger):
    Host("tiny", somebody.files).kill()
    assert lives(stranger)


def test_no_stranger_is_replaced_by_a_new_daemon(somebody, stranger, monkeypatch):
    lock = take(somebody.files.lock)
    monkeypatch.setattr(ensuring, "_START_SECONDS", 0.2)
    somebody.scripted(serve={"drain_seconds": 0.1})
    with pytest.raises(DaemonError, match="does not begin to listen"):
        asyncio.run(ensure())
    assert lives(stranger)
    if lock is not None:
        os.close(lock)


def test_who_holds_it_gets_the_signal_and_who_has_ended_none(tmp_path):
    files = Files(tmp_path, "daemon")
    with child(HOLDS, str(files.lock)) as process, holding(files.lock) as found:
        assert found.pid == process.pid
        found.send(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
        found.send(signal.SIGTERM)
    with holding(files.lock) as nobody:
        assert nobody is None


def test_where_the_system_cannot_tell_processes_apart_the_lock_does(tmp_path, monkeypatch):
    monkeypatch.setattr("codetune_core.runtime.holding.sys.platform", "darwin")
    files = Files(tmp_path, "daemon")
    with child(HOLDS, str(files.lock)) as process, holding(files.lock) as found:
        found.send(signal.SIGTERM)
        assert process.wait(60) == -signal.SIGTERM
        with child(LIVES) as stranger:
            files.lock.write_text(str(stranger.pid))
            found.send(signal.SIGTERM)
            assert lives(stranger)
