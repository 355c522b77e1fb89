"""The daemon's log, and a process that is nobody's child."""

import os
import subprocess
import sys
import textwrap

from codetune_core.daemon import spawn as spawning
from codetune_core.daemon.follow import lines_of
from codetune_core.daemon.spawn import log_tail, open_log, spawn
from codetune_core.runtime.folder import Files, holder, take

MEGABYTE = b"x" * 1_000_001


def test_a_log_that_has_grown_long_is_set_aside_and_never_read_by_others(tmp_path):
    path = tmp_path / "d.log"
    os.close(open_log(path))
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(MEGABYTE)
    os.close(open_log(path))
    assert path.read_bytes() == b""
    assert (tmp_path / "d.log.old").read_bytes() == MEGABYTE


def test_a_process_that_runs_goes_on_in_a_new_log(tmp_path):
    code = """
        import sys
        from pathlib import Path
        from codetune_core.daemon.spawn import rotate_log
        path = Path(sys.argv[1])
        rotate_log(path)
        sys.stderr.write("x" * 1_000_001)
        sys.stderr.flush()
        rotate_log(path)
        print("to stdout", flush=True)
        sys.stderr.write("to stderr\\n")
        """
    path = tmp_path / "d.log"
    with path.open("ab") as log:
        subprocess.run([sys.executable, "-c", textwrap.dedent(code), path], stdout=log, stderr=log, check=True)
    assert path.read_text() == "to stdout\nto stderr\n"
    assert (tmp_path / "d.log.old").stat().st_size == 1_000_001


def test_the_end_of_a_log_is_whole_lines_of_this_start(tmp_path):
    path = tmp_path / "d.log"
    assert log_tail(path) == ""
    path.write_text("of the one before\n")
    begins = path.stat().st_size
    assert log_tail(path, begins) == ""
    with path.open("a") as log:
        log.write("first\nsecond\n")
    assert log_tail(path, begins) == "first\nsecond"
    with path.open("a") as log:
        log.writelines(f"line {number}\n" for number in range(1000))
    tail = log_tail(path, begins)
    assert tail.endswith("line 999")
    assert tail.startswith("line ")
    assert len(tail) <= 1200


def test_a_log_is_followed_beyond_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr("codetune_core.daemon.follow._POLL_SECONDS", 0)
    path = tmp_path / "d.log"
    assert list(lines_of(path, 5, follow=False)) == []
    path.write_text("one\ntwo\nthree\n")
    assert list(lines_of(path, 2, follow=False)) == ["two\n", "three\n"]
    lines = lines_of(path, 1, follow=True)
    assert next(lines) == "three\n"
    with path.open("a") as log:
        log.write("four\n")
    assert next(lines) == "four\n"
    with path.open("a") as log:
        log.write("five\n")
    path.replace(tmp_path / "d.log.old")
    path.write_text("six\n")
    assert [next(lines), next(lines)] == ["five\n", "six\n"]


def test_the_process_holds_its_lock_and_is_nobody_s_child(tmp_path):
    files = Files(tmp_path, "daemon")
    code = """
        import os, sys
        from codetune_core.daemon.spawn import detach
        detach()
        os.pwrite(int(sys.argv[2]), str(os.getpid()).encode(), 0)
        print(os.getpid(), os.getppid(), os.getsid(0), os.getcwd(), sys.stdin.read() == "", flush=True)
        open(sys.argv[3]).read()
        """
    fifo = tmp_path / "go"
    os.mkfifo(fifo)
    files.lock.write_text("12345")
    lock = take(files.lock)
    # The fifo's name comes before what `spawn` adds.
    command = (sys.executable, "-c", f"import sys; sys.argv.append({str(fifo)!r})\n{textwrap.dedent(code)}")
    assert spawn(files, lock, command) == 0
    os.close(lock)
    assert take(files.lock) is None
    with fifo.open("w"):  # opens when the process reads
        pid, parent, session, folder, closed = files.log.read_text().split()
        assert int(pid) == holder(files.lock)
        assert int(parent) != os.getpid()
        assert int(session) not in {int(pid), os.getsid(0)}
        assert (folder, closed) == ("/", "True")
    while holder(files.lock):
        pass
    assert spawning.COMMAND[:2] == (sys.executable, "-P")
