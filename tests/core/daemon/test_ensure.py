"""Programs find the daemon of their user or start it; real processes, each of which costs seconds."""

import asyncio
import socket
import subprocess
import sys

import pytest

from codetune_core.daemon import ensure as ensuring
from codetune_core.daemon.ensure import OtherDaemon, ensure
from codetune_core.errors import DaemonError
from codetune_core.execution.headers import WIRE_VERSION

TEN = """
import asyncio, os
from codetune_core.daemon.ensure import ensure
children = []
for _ in range(10):
    if (child := os.fork()) == 0:
        lines = []
        path = asyncio.run(ensure(tell=lines.append))
        os.write(1, f"{path}\\n{''.join(line for line in lines if 'anew' in line)}".encode())
        os._exit(0)
    children.append(child)
for child in children:
    os.waitpid(child, 0)
"""
"""Ten processes, forked because importing takes longer than what is tested."""


def test_ten_programs_at_once_replace_an_old_daemon_by_one(somebody):
    with somebody.pretended(settings="others", started_at=1.0) as old:
        run = subprocess.run([sys.executable, "-c", TEN], stdout=subprocess.PIPE, text=True, check=True)
    said = "the daemon is started anew: it was started with other settings than yours are now"
    assert run.stdout.count(said) == 1
    assert run.stdout.replace(said, "").splitlines() == [str(somebody.files.socket)] * 10
    assert somebody.files.log.read_text().count("listens on") == 1
    assert somebody.said().pid == somebody.pid != old
    assert somebody.files.socket.stat().st_mode & 0o777 == 0o600
    assert somebody.files.folder.stat().st_mode & 0o777 == 0o700


async def test_one_that_cannot_start_says_why_with_the_end_of_its_log(somebody, monkeypatch):
    somebody.files.log.write_text("words of yesterday\n")
    monkeypatch.setenv("CODETUNE_DATABASE_URL", "oracle://nowhere")
    with pytest.raises(DaemonError, match="the daemon ended while it started") as raised:
        await ensure()
    assert "The end of its log:" in str(raised.value)
    assert "oracle" in str(raised.value)
    assert "yesterday" not in str(raised.value)
    assert somebody.pid is None


async def test_a_database_in_the_working_directory_is_no_daemon_s(somebody, monkeypatch):
    monkeypatch.setenv("CODETUNE_DATABASE_URL", "sqlite:///here.db")
    with pytest.raises(DaemonError, match="write an absolute path"):
        await ensure()
    assert somebody.pid is None


async def test_one_that_cannot_even_be_run_is_said(somebody, monkeypatch):
    monkeypatch.setattr(ensuring, "spawn", lambda *_: (_ for _ in ()).throw(OSError("no more processes")))
    with pytest.raises(DaemonError, match="cannot be started: no more processes"):
        await ensure()
    assert somebody.pid is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"settings": "others"}, "a moment ago, and others work with it"),
        ({"wire": WIRE_VERSION + 1, "version": "99.0", "started_at": 1.0}, "update this one"),
    ],
)
async def test_one_that_others_work_with_is_left_alone(somebody, changes, says):
    with somebody.pretended(**changes) as other:
        with pytest.raises(OtherDaemon, match=says):
            await ensure()
        assert somebody.pid == other


async def test_a_newer_one_of_the_same_wire_does(somebody):
    with somebody.pretended(version="99.0", started_at=1.0):
        assert await ensure() == somebody.files.socket


async def test_one_that_starts_is_waited_for_and_one_that_never_listens_is_said(somebody, monkeypatch):
    monkeypatch.setattr(ensuring, "_START_SECONDS", 0.3)
    monkeypatch.setattr(ensuring, "_SILENT_SECONDS", 0.1)
    somebody.scripted(serve={"drain_seconds": 0.1})
    lines = []
    with somebody.pretended() as other:
        somebody.files.socket.unlink()
        with pytest.raises(DaemonError, match=f"process {other}\\) does not begin to listen"):
            await ensure(tell=lines.append)
        assert lines == ["waiting for the daemon to start"]
        with socket.socket(socket.AF_UNIX) as listener:
            waiting = asyncio.create_task(ensure())
            await asyncio.sleep(0)
            listener.bind(str(somebody.files.socket))
            listener.listen()
            assert await waiting == somebody.files.socket
