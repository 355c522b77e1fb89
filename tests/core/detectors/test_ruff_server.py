"""The life of the ``ruff server`` child."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from codetune_core.detectors.ruff_server import RuffServer, find_ruff
from codetune_core.domain.text import Position
from codetune_core.errors import DetectorError, DetectorMissing, DetectorTimeout

FLAW = "assert x\n"
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and scripts of POSIX")


ELSEWHERE: set[psutil.Process] = set()
"""Children that other tests in this process keep."""


@pytest.fixture(autouse=True)
def _children_of_other_tests():
    ELSEWHERE.clear()
    ELSEWHERE.update(psutil.Process().children())


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child not in ELSEWHERE]


@asynccontextmanager
async def running(*codes: str, **options) -> AsyncIterator[RuffServer]:
    server = RuffServer(codes or ("S101", "S102"), **options)
    try:
        yield server
    finally:
        await server.aclose()
        assert children() == []


async def check(server: RuffServer, text: str, *codes: str) -> None:
    assert [diagnostic.code for diagnostic in await server.diagnostics(text)] == list(codes)


def script(folder: Path, body: str) -> str:
    """A program in the place of ruff."""
    path = folder / "ruff"
    path.write_text(f"#!{sys.executable}\n{textwrap.dedent(body)}")
    path.chmod(0o755)
    return str(path)


async def test_one_child_answers_request_after_request():
    async with running() as server:
        await check(server, FLAW, "S101")
        pid = server.pid
        await check(server, "exec(x)\n", "S102")
        await check(server, "x = 1\n")
        assert server.pid == pid


async def test_no_child_runs_before_the_first_request():
    async with running() as server:
        assert server.pid is None


@posix
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_a_child_that_died_is_started_again(how):
    async with running() as server:
        await check(server, FLAW, "S101")
        for _ in range(3):
            before = server.pid
            os.kill(before, how)
            await check(server, FLAW, "S101")
            assert server.pid not in (before, None)


@posix
async def test_requests_in_flight_survive_the_death_of_the_child():
    async with running() as server:
        await check(server, FLAW, "S101")
        os.kill(server.pid, signal.SIGSTOP)
        asked = [asyncio.create_task(server.diagnostics(FLAW * number)) for number in range(1, 7)]
        await asyncio.sleep(0.05)
        os.kill(server.pid, signal.SIGKILL)
        answers = await asyncio.gather(*asked)
        assert [len(answer) for answer in answers] == list(range(1, 7))


@posix
async def test_a_child_that_hangs_is_replaced():
    async with running(limit_seconds=0.4) as server:
        await check(server, FLAW, "S101")
        hung = server.pid
        os.kill(hung, signal.SIGSTOP)
        while psutil.Process(hung).status() != psutil.STATUS_STOPPED:
            await asyncio.sleep(0.01)
        await check(server, FLAW, "S101")
        assert server.pid != hung
        assert not psutil.pid_exists(hung)


@posix
async def test_a_program_that_never_answers_is_given_up_within_two_time_limits(tmp_path):
    async with running(executable=script(tmp_path, "import time; time.sleep(60)"), limit_seconds=0.2) as server:
        started = time.monotonic()
        with pytest.raises(DetectorTimeout, match=r"within 0\.2 s"):
            await server.diagnostics(FLAW)
        assert time.monotonic() - started < 2


@posix
@pytest.mark.parametrize(
    "body",
    [
        "",
        "raise SystemExit(2)",
        "print('this is no protocol', flush=True); import time; time.sleep(60)",
        "print('Content-Length: x\\r\\n\\r\\n', end='', flush=True); import time; time.sleep(60)",
        "print('Content-Length: 2\\r\\n\\r\\n[]', end='', flush=True); import time; time.sleep(60)",
        "print('Content-Length: 9\\r\\n\\r\\n{', end='', flush=True)",
        "import os, time; os.close(0); os.close(1); time.sleep(60)",
    ],
)
async def test_a_program_that_is_no_ruff_ends_in_an_error_that_says_what_to_do(tmp_path, body):
    async with running(executable=script(tmp_path, body), limit_seconds=0.7) as server:
        with pytest.raises(DetectorError, match=r"check that `ruff server --help` works|did not answer"):
            await server.diagnostics(FLAW)
        assert server.pid is None


async def test_a_missing_program_says_how_to_install_it(tmp_path):
    async with running(executable=str(tmp_path / "ruff")) as server:
        with pytest.raises(DetectorMissing, match="pip install ruff"):
            await server.diagnostics(FLAW)


@posix
async def test_a_program_that_keeps_dying_is_not_started_in_a_tight_loop(tmp_path):
    async with running(executable=script(tmp_path, f"open('{tmp_path}/starts', 'a').write('x')")) as server:
        started = time.monotonic()
        for _ in range(2):
            with pytest.raises(DetectorError):
                await server.diagnostics(FLAW)
        assert time.monotonic() - started > 0.5
    assert (tmp_path / "starts").read_text() == "xxxx"


async def test_twenty_texts_at_once_get_their_own_answers():
    async with running() as server:
        answers = await asyncio.gather(*(server.diagnostics("\n" * number + FLAW) for number in range(20)))
        places = [answer[0].range.start for answer in answers]
        assert places == [Position(number, 0) for number in range(20)]


async def test_a_cancelled_request_leaves_the_others_and_the_child_alone():
    async with running() as server:
        await check(server, FLAW, "S101")
        pid = server.pid
        tasks = [asyncio.create_task(server.diagnostics("x = 1\n" * 3000 + FLAW)) for _ in range(10)]
        await asyncio.sleep(0.002)
        for task in tasks[::2]:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
        assert all(len(answer) == 1 for answer in answers[1::2])
        await check(server, FLAW, "S101")
        assert server.pid == pid


async def test_a_request_cancelled_while_the_child_starts_leaves_nothing_behind():
    async with running() as server:
        task = asyncio.create_task(server.diagnostics(FLAW))
        await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await check(server, FLAW, "S101")
        assert len(children()) == 1


async def test_many_changes_leave_no_document_open_in_the_child():
    async with running() as server:
        text = "x = 'a long line of a long file'\n" * 8000
        for number in range(5):
            await server.diagnostics(f"# {number}\n{text}")
        before = psutil.Process(server.pid).memory_info().rss
        for number in range(200):
            await server.diagnostics(f"# {number}\n{text}")
        grown = psutil.Process(server.pid).memory_info().rss - before
        assert grown < 100 * len(text)


async def test_closing_ends_the_child_and_removes_its_folder():
    server = RuffServer(["S101"])
    await check(server, FLAW, "S101")
    pid = server.pid
    folder = Path(psutil.Process(pid).cwd())
    assert list(folder.iterdir()) == []
    await server.aclose()
    assert not psutil.pid_exists(pid)
    assert not folder.exists()
    await server.aclose()


async def test_a_request_in_flight_when_it_is_closed_starts_no_new_child():
    server = RuffServer(["S101"])
    await check(server, FLAW, "S101")
    task = asyncio.create_task(server.diagnostics("x = 1\n" * 50_000))
    await asyncio.sleep(0.001)
    await server.aclose()
    with pytest.raises(DetectorError, match="shut down"):
        await task
    assert children() == []


@posix
async def test_the_child_ends_when_its_parent_is_killed():
    code = """
        import asyncio
        from codetune_core.detectors.ruff_server import RuffServer
        async def main():
            server = RuffServer(["S101"])
            await server.diagnostics("")
            print(server.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 - it is to be killed
    with parent:
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    until = time.monotonic() + 2
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < until:
        await asyncio.sleep(0.02)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


HOSTILE = {
    "ruff.toml": "[lint]\nselect = ['D']\nextend-ignore = ['S101']\n[lint.extend-per-file-ignores]\n'*' = ['S']\n",
    ".ruff.toml": "extend-exclude = ['*']\nforce-exclude = true\n",
    "pyproject.toml": "[tool.ruff]\nextend-exclude = ['*']\nrequired-version = '==0.0.1'\nlint.extend-select = ['D']\n",
    "broken/ruff.toml": "this is = = no TOML",
}


@posix
@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("where", ["home", "xdg", "working folder", "temporary folder"])
async def test_no_ruff_configuration_of_the_user_switches_our_rules_off_or_on(tmp_path, monkeypatch, name, where):
    place = {"home": ".config/ruff", "xdg": "xdg/ruff", "working folder": "", "temporary folder": "tmp"}[where]
    file = tmp_path / place / Path(name).name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(HOSTILE[name])
    (tmp_path / "tmp").mkdir(exist_ok=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ("xdg" if where == "xdg" else ".config")))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.chdir(tmp_path)
    async with running() as server:
        await check(server, "def undocumented():\n    assert x\n", "S101")


@pytest.mark.parametrize("folder", ["node_modules", ".venv", "site-packages", ".git", "with blank", "ä%20#é"])
async def test_the_place_of_the_temporary_folder_does_not_matter(tmp_path, monkeypatch, folder):
    (tmp_path / folder).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / folder))
    async with running() as server:
        await check(server, FLAW, "S101")


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("\ud800", ["invalid-syntax"] * 2),
        ("s = '\udcff'; assert s\n", ["S101"]),
        ("\x00", ["invalid-syntax"] * 2),
        ("", []),
    ],
)
async def test_odd_characters_do_not_upset_the_child(text, codes):
    async with running() as server:
        await check(server, text, *codes)
        await check(server, FLAW, "S101")


@posix
async def test_columns_are_right_with_a_server_that_counts_utf_16(tmp_path, monkeypatch):
    """An older ruff chooses UTF-16: here the real one is not offered anything else."""
    relay = f"""
        import subprocess, sys, threading
        child = subprocess.Popen(["{find_ruff()}", "server"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        while header := sys.stdin.buffer.readline():
            sys.stdin.buffer.readline()
            body = sys.stdin.buffer.read(int(header.split()[-1])).replace(b'"utf-32", ', b"")
            child.stdin.write(b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body)
            child.stdin.flush()
    """
    async with running(executable=script(tmp_path, relay)) as server:
        (diagnostic,) = await server.diagnostics("s = '😀😀'; assert s\n")
        assert diagnostic.range.start == Position(0, 10)
