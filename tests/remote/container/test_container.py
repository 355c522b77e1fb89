"""The container's entry: what it is told, and how it starts, stops and keeps what the service wrote."""

import json
import os
import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from processes import await_line, end, kill, start

from codetune_core.errors import SettingsError
from codetune_core.settings import Settings
from codetune_core.storage.snapshots import Snapshots
from codetune_remote.container import __main__ as entry
from codetune_remote.container.environment import read_environment
from codetune_remote.container.keeper import Keeper
from codetune_remote.container.weights import Weights

SUPERVISED = """
import os, sys
from codetune_remote.container.supervise import supervise

sys.exit(supervise([sys.executable, "-c", sys.argv[1]], os.environ, lambda: os.write(1, b"ending\\n")))
"""
DRAINS = """
import os, signal, sys
def drain(number, frame):
    os.write(1, b"drained\\n")
    sys.exit(7)
signal.signal(signal.SIGTERM, drain)
os.write(1, b"serves\\n")
signal.pause()
"""
"""Both write to one pipe: whole lines at once."""


@pytest.fixture
def supervised():
    """Start a command under supervision; what still runs in the end is told to end, with what it started."""
    begun = []

    def begin(command):
        begun.append(start(SUPERVISED, command))
        return begun[-1]

    yield begin
    for process in begun:
        process.terminate()
        end(process)


def test_the_service_is_told_to_end_and_its_code_is_the_containers(supervised):
    process = supervised(DRAINS)
    assert await_line(process) == "serves"
    process.send_signal(signal.SIGTERM)
    assert {await_line(process), await_line(process)} == {"ending", "drained"}
    assert end(process) == 7


def test_a_service_that_is_killed_ends_the_container_as_shells_number_it(supervised):
    process = supervised("import os; os.kill(os.getpid(), 9)")
    assert end(process) == 137


def test_sigterm_that_comes_while_the_service_still_starts_ends_it(supervised):
    process = supervised("import os, signal; os.kill(os.getppid(), signal.SIGTERM); signal.pause()")
    assert await_line(process) == "ending"
    assert end(process) == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("variables", "field", "value"),
    [
        ({}, "snapshots", None),
        ({"CODETUNE_SNAPSHOTS": "/data/codetune"}, "snapshots", Path("/data/codetune")),
        ({}, "snapshot_seconds", 300),
        ({"CODETUNE_SNAPSHOT_SECONDS": "60"}, "snapshot_seconds", 60),
        ({"CODETUNE_MODELS": "a, b  c"}, "models", ("a", "b", "c")),
        ({"CODETUNE_COMMIT": "given"}, "commit", "given"),
        ({}, "commit", "of the image"),
    ],
)
def test_the_environment_says_what_holds(variables, field, value, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "codetune").mkdir()
    (tmp_path / "codetune" / "commit").write_text("of the image\n")
    assert getattr(read_environment(Settings(), variables), field) == value


@pytest.mark.parametrize("seconds", ["0", "soon", "1e9", "-5", "nan"])
def test_seconds_that_are_none_are_said(seconds):
    with pytest.raises(SettingsError, match="CODETUNE_SNAPSHOT_SECONDS"):
        read_environment(Settings(), {"CODETUNE_SNAPSHOT_SECONDS": seconds})


def test_snapshots_of_postgresql_are_refused(monkeypatch, caplog):
    monkeypatch.setenv("CODETUNE_DATABASE_URL", "postgresql://u@db/codetune")
    monkeypatch.setenv("CODETUNE_SNAPSHOTS", "/data")
    assert entry.main([]) == 2
    assert "PostgreSQL is backed up by its own means" in caplog.text


def test_an_image_that_nobody_named_has_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert read_environment(Settings(), {}).commit == ""


@pytest.fixture
def snapshots(tmp_path, sqlite_template):
    """Of a database that is there, in an empty bucket."""
    made = Snapshots(tmp_path / "bucket", tmp_path / "codetune.db")
    made.start()
    made.database.write_bytes(sqlite_template.read_bytes())
    return made


def files(snapshots) -> list[str]:
    return sorted(path.name for path in snapshots.folder.glob("*.db"))


def until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def write(path, text):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE {text} (x)")


def test_snapshots_are_taken_from_time_to_time_when_asked_and_at_the_end(snapshots):
    with Keeper(snapshots, 3600) as keeper:
        assert files(snapshots) == []
        keeper.take_now()
        until(lambda: len(files(snapshots)) == 1)
        write(snapshots.database, "later")
    assert len(files(snapshots)) == 2


def test_a_snapshot_comes_when_its_time_has_come(snapshots):
    with Keeper(snapshots, 0.01):
        until(lambda: files(snapshots))


def test_a_database_that_is_not_there_yet_is_waited_for(snapshots, caplog):
    snapshots.database.unlink()
    with Keeper(snapshots, 3600):
        pass
    assert files(snapshots) == []
    assert caplog.text == ""


def test_a_bucket_that_fails_is_said_and_tried_again(snapshots, caplog):
    hidden = snapshots.folder.with_name("hidden")
    with Keeper(snapshots, 0.01):
        snapshots.folder.rename(hidden)
        until(lambda: "no snapshot could be written" in caplog.text)
        hidden.rename(snapshots.folder)
        write(snapshots.database, "later")
        until(lambda: files(snapshots))


def test_another_container_on_the_same_bucket_is_said_once(snapshots, tmp_path, caplog):
    other = Snapshots(snapshots.folder, tmp_path / "other" / "codetune.db")
    other.start()
    with Keeper(snapshots, 0.01):
        until(lambda: files(snapshots))
        until(lambda: "Run one container on SQLite" in caplog.text)
    assert caplog.text.count(other.instance) == 1


PROGRAM = """#!{python}
import sys, time
words, log = sys.argv[1:], {log!r}
with open(log, "a") as file:
    file.write(" ".join(words) + chr(10))
if "slow" in words:
    time.sleep(600)
sys.exit(1 if "pull" in words and "flaky" in words and open(log).read().count("pull flaky") == 1 else 0)
"""


@pytest.fixture
def program(tmp_path):
    """What stands for ``codetune``: it notes what it was told, and fails once for the model ``flaky``."""
    log, path = tmp_path / "log", tmp_path / "codetune"
    log.touch()
    path.write_text(PROGRAM.format(python=sys.executable, log=str(log)))
    path.chmod(0o755)
    return (str(path),), lambda: log.read_text().splitlines()


def test_weights_are_fetched_and_loaded_one_after_the_other_and_again_where_that_failed(tmp_path, program, monkeypatch):
    monkeypatch.setattr("codetune_remote.container.weights._FIRST_PAUSE", 0.01)
    command, told = program
    state = tmp_path / "weights.json"
    with Weights(("flaky", "good"), state, command):
        until(lambda: set(json.loads(state.read_text()).values()) == {"ready"})
    assert told() == [
        "models pull flaky --accept-licence",
        "models pull good --accept-licence",
        "models load good",
        "models pull flaky --accept-licence",
        "models load flaky",
    ]


def test_a_download_is_ended_with_the_container(tmp_path, program):
    command, told = program
    state = tmp_path / "weights.json"
    with Weights(("slow", "never"), state, command):
        until(told)
        assert json.loads(state.read_text()) == {"slow": "pulling", "never": "waiting"}
    assert len(told()) == 1


def test_the_entry_restores_serves_and_keeps(tmp_path, sqlite_template, monkeypatch, caplog):
    """All of it in one process but the service, which a program stands for; the smoke test has the real one."""
    before = Snapshots(tmp_path / "bucket", tmp_path / "before.db")
    before.start()
    before.database.write_bytes(sqlite_template.read_bytes())
    write(before.database, "kept")
    taken = before.take()
    program = tmp_path / "bin" / "codetune"
    program.parent.mkdir()
    program.write_text(
        f"#!{sys.executable}\nimport os, sqlite3, sys\n"
        f"sqlite3.connect({str(tmp_path / 'codetune.db')!r}).execute('CREATE TABLE more (x)')\n"
        f"open({str(tmp_path / 'told')!r}, 'w').write(' '.join(sys.argv[1:]) + os.environ['CODETUNE_COMMIT'])\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("CODETUNE_DATABASE_URL", f"sqlite:///{tmp_path / 'codetune.db'}")
    monkeypatch.setenv("CODETUNE_SNAPSHOTS", str(before.folder))
    monkeypatch.setenv("CODETUNE_COMMIT", "abc")
    caplog.set_level("INFO")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        assert entry.main(["--tcp", "0.0.0.0:7860"]) == 0
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    assert (tmp_path / "told").read_text() == "serve --tcp 0.0.0.0:7860abc"
    assert f"restored from {taken.file}; this is generation 2" in caplog.text
    after = Snapshots(before.folder, tmp_path / "after.db")
    after.start()
    with closing(sqlite3.connect(after.database)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert {"kept", "more"} <= tables


def test_a_container_that_is_killed_loses_only_what_came_after_its_last_snapshot(snapshots, tmp_path):
    """kill -9 while snapshots are taken as fast as possible."""
    snapshots.folder.rename(tmp_path / "first")
    script = (
        "import sys; from pathlib import Path; from codetune_core.storage.snapshots import Snapshots\n"
        "import sqlite3\n"
        "s = Snapshots(Path(sys.argv[1]), Path(sys.argv[2])); s.start(); print('began', flush=True)\n"
        "for n in range(10000):\n"
        "    c = sqlite3.connect(s.database); c.execute(f'CREATE TABLE t{n} (x)'); c.commit(); c.close()\n"
        "    s.take(); print(n, flush=True)\n"
    )
    process = start(script, str(snapshots.folder), str(snapshots.database))
    try:
        assert await_line(process) == "began"
        while int(last := await_line(process)) < 6:
            pass
    finally:
        kill(process)
    after = Snapshots(snapshots.folder, tmp_path / "after" / "codetune.db")
    restored = after.start()
    assert restored.damaged == ()
    with closing(sqlite3.connect(after.database)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert f"t{last}" in tables
