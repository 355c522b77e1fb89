"""``codetune doctor`` says what is there."""

import asyncio
import json
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from codetune_core.cli.diagnosis import Diagnosis, as_json, as_text, diagnose
from codetune_core.cli.editors import EDITORS, Editor, FoundEditor, found_editors, too_old
from codetune_core.cli.service_found import found_service
from codetune_core.cli.workspace import open_workspace
from codetune_core.daemon.own import own_identity, own_settings
from codetune_core.daemon.place import daemon_files, identity_file
from codetune_core.runtime.folder import take
from codetune_core.storage.url import VARIABLE
from codetune_core.workers.messages import DetectorState

TINY = Path(__file__).parents[2] / "fixtures" / "tiny-code-model"


def program(folder, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def editors(tmp_path, monkeypatch):
    """A PATH with some editors on it."""
    folder = tmp_path / "bin"
    program(folder, "nvim", "echo NVIM v0.10.2; echo Build type: Release")
    program(folder, "emacs", "echo GNU Emacs 25.1")
    program(folder, "hx", "exit 1")
    program(folder, "subl", "echo a window opens >&2; exit 1")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setattr(
        "codetune_core.cli.editors.EDITORS",
        tuple(e for e in EDITORS if e.name in ("Neovim", "Emacs", "Helix", "Sublime Text")),
    )
    return folder


def test_it_tells_people_what_runs_and_what_holds(run, workspace, editors):
    result = run("doctor")
    assert result.exit_code == 0, result.output
    for words in ("runs  ruff ", "runs  secrets", f"  {workspace}\n", "not trusted", "all defaults", "Ready."):
        assert words in result.stdout
    assert f"Neovim 0.10.2 ({editors}/nvim): set up as in README.md#neovim" in result.stdout
    assert f"Emacs 25.1 ({editors}/emacs; too old, 26.3 or newer is needed)" in result.stdout
    assert f"Helix ({editors}/hx)" in result.stdout


def test_it_tells_programs_the_same(run, workspace, editors):
    (workspace / "codetune.toml").write_text("fail_onn = 'high'\n[detectors]\ndisabled = ['secrets']\n")
    content = json.loads(run("doctor", "--format", "json").stdout)
    states = {state["name"]: state for state in content["detectors"]}
    assert states["ruff"]["runs"] is True
    assert states["secrets"] == {
        "name": "secrets", "runs": False, "text": "secrets: switched off by `detectors.disabled`",
    }  # fmt: skip
    assert content["settings"]["sources"] == [str(workspace / "codetune.toml")]
    assert "did you mean `fail_on`" in content["settings"]["notices"][0]
    assert content["settings"]["values"]["detectors"]["disabled"] == ["secrets"]
    assert {found["name"]: found["version"] for found in content["editors"]}["Sublime Text"] == ""
    assert content["healthy"] is True


def test_it_names_what_is_off_and_whom_it_trusts(run, workspace, monkeypatch):
    monkeypatch.setenv("CODETUNE_TRUST_WORKSPACE", "1")
    monkeypatch.setenv("PATH", "/nonexistent")
    (workspace / "codetune.toml").write_text("[detectors]\ndisabled = ['secrets']\n")
    result = run("doctor")
    assert result.exit_code == 0
    assert "Ready, without secrets." in result.stdout
    assert "  trusted: its settings may name commands" in result.stdout
    assert "none on the PATH" in result.stdout


def test_it_ends_with_1_where_nothing_can_be_reviewed(run, workspace):
    (workspace / "codetune.toml").write_text("[detectors]\ndisabled = ['ruff', 'secrets', 'calls']\n")
    result = run("doctor")
    assert result.exit_code == 1
    assert "No detector runs" in result.stdout


def test_it_says_why_no_detector_can_be_asked(workspace):
    diagnosis = Diagnosis(open_workspace([workspace], {}), [], [], "the review worker ended unexpectedly")
    assert "  none can be asked: the review worker ended unexpectedly" in list(as_text(diagnosis))
    assert not diagnosis.healthy
    assert Diagnosis(diagnosis.workspace, [DetectorState("x", runs=True, text="")], []).healthy


@pytest.mark.parametrize(
    ("version", "oldest", "old"),
    [
        ("0.4.9", "0.5", True), ("0.5", "0.5", False), ("0.10.0", "0.5", False), ("", "0.5", False), ("1.0", "", False),
        ("26.10", "26.3", False),
    ],
)  # fmt: skip
def test_versions_are_compared_as_numbers(version, oldest, old):
    assert too_old(FoundEditor(Editor("X", ("x",), "x", oldest), "/x", version)) is old


def test_an_editor_that_hangs_is_found_without_its_version(tmp_path, monkeypatch):
    program(tmp_path / "bin", "nvim", "exec sleep 30")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setattr("codetune_core.cli.editors.EDITORS", EDITORS[:1])
    monkeypatch.setattr("codetune_core.cli.editors._SECONDS", 0.2)
    assert [found.version for found in found_editors()] == [""]


@pytest.fixture
def data(workspace, monkeypatch):
    """The user's data folder, of which nothing is there yet."""
    folder = workspace.parent / "data"
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    monkeypatch.delenv(VARIABLE, raising=False)
    return folder


def told():
    """What the doctor, asked once, says to people and to programs."""
    diagnosis = asyncio.run(diagnose())
    return "\n".join(as_text(diagnosis)), as_json(diagnosis)


def found(url: str | None = None, monkeypatch=None):
    """What is said of the database to people and to programs."""
    if url is not None:
        monkeypatch.setenv(VARIABLE, url)
    text, content = told()
    return text.split("  database  ")[1].splitlines()[0], content["database"]


def test_a_database_that_is_not_there_is_not_made(data):
    text, content = found()
    assert text == f"sqlite:///{data}/codetune/codetune.db: not there yet; it is made when it is first used"
    assert content.items() >= {"state": "missing", "revision": None, "problem": ""}.items()
    assert not data.exists()


@pytest.mark.parametrize(
    ("revision", "expected"),
    [
        (None, ("empty", "no schema yet")),
        ("0001", ("older", "schema 0001; it is upgraded to 0")),
        ("9999", ("newer", "schema 9999 is newer than this CodeTune")),
    ],
)
def test_a_file_is_looked_at_and_left_as_it_is(data, monkeypatch, revision, expected):
    path, (state, says) = data.parent / "some.db", expected
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (x)")
        if revision:
            connection.execute("CREATE TABLE alembic_version (version_num)")
            connection.execute("INSERT INTO alembic_version VALUES (?)", (revision,))
    before = path.read_bytes()
    text, content = found(f"sqlite:///{path}", monkeypatch)
    assert says in text
    assert (content["state"], content["revision"]) == (state, revision)
    assert path.read_bytes() == before


def test_the_database_of_the_commands_is_the_one_that_is_shown(run, data):
    run("prompts", "list")
    text, content = found()
    assert text == f"sqlite:///{data}/codetune/codetune.db: schema {content['head']}"
    assert content["state"] == "current"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://ada:s3cr3t@127.0.0.1:1/team", "postgresql://ada@127.0.0.1:1/team cannot be reached"),
        ("mysql://ada:s3cr3t@host/team", "no database is reached by 'mysql://'"),
        ("sqlite:///{}/text.db", "file is not a database"),
    ],
)
def test_why_a_database_cannot_be_used_is_said_without_its_password(run, data, monkeypatch, url, says):
    (data.parent / "text.db").write_text("no database at all, and longer than a header\n" * 100)
    monkeypatch.setenv(VARIABLE, url.format(data.parent))
    result = run("doctor")
    assert result.exit_code == 0
    assert says in result.output
    assert "Ready, without prompts and history." in result.output
    assert "s3cr3t" not in result.output + run("doctor", "--format", "json").output


@pytest.mark.postgresql
def test_a_server_s_schema_is_looked_up(data, postgresql, postgresql_url, monkeypatch):
    text, content = found(postgresql_url, monkeypatch)
    assert text.endswith(f": schema {content['head']}")
    empty = postgresql.create()
    text, content = found(empty, monkeypatch)
    assert "no schema yet" in text
    assert content["state"] == "empty"
    postgresql.drop(empty)
    assert "does not exist" in found(empty, monkeypatch)[0]


def test_a_new_attempt_to_reach_a_server_is_not_printed(data):
    """In a process of its own: pytest sets up logging."""
    command = [sys.executable, "-m", "codetune_core.cli.main", "doctor"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(data), VARIABLE: "postgresql://127.0.0.1:1/team"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "cannot be reached" in ended.stdout
    assert ended.stderr == ""


def test_the_doctor_does_not_wait_for_sqlalchemy():
    code = "import sys, codetune_core.cli.diagnosis; print({'sqlalchemy', 'alembic', 'asyncpg'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "none; set engine.name (available: "),
        ("none", "none; set engine.name (available: "),
        ("auto", "auto\n"),
        ("scripted", "scripted\n"),
        ("mine", "mine\n"),
        ("steam", "there is no 'steam'; set engine.name to "),
    ],
)
def test_the_engine_is_named(workspace, name, says):
    write_config(workspace, f"[engine]\nname = '{name}'\n[engines.mine]\nname = 'scripted'\n")
    diagnosis = Diagnosis(open_workspace([workspace], {}), [], [])
    assert f"  engine    {says}" in "\n".join(as_text(diagnosis)) + "\n"
    engine = as_json(diagnosis)["engine"]
    assert engine["name"] == name
    assert {"auto", "scripted"} <= set(engine["available"])


def write_config(workspace, text: str) -> None:
    config = workspace.parent / "home" / "codetune" / "codetune.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(text)


def test_who_serves_each_role_is_said_to_people_and_to_programs(data, workspace):
    write_config(workspace, f"[models]\nreview = '{TINY}'\n")
    says = f"  review      {TINY} (transformers): its files are here, and as "
    text, content = told()
    assert says in text
    roles = content["models"]["roles"]
    assert {role: found["engine"] for role, found in roles.items()} == {
        "review": "transformers", "generation": None, "completion": None, "embedding": None, "rerank": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("", ["  daemon    not running: ", "  service   none: prompts run on this machine"]),
        ("[daemon]\nenabled = false\n", ["  daemon    off: daemon.enabled is false"]),
        ("[remote]\nbase_url = 'https://team.example'\n", ["  service   https://team.example: prompts run there"]),
    ],
)
def test_who_runs_prompts_is_said(workspace, settings, says):
    write_config(workspace, settings)
    text = "\n".join(as_text(looked_at(workspace)))
    assert [line for line in says if line not in text] == []


def looked_at(workspace) -> Diagnosis:
    opened = open_workspace([workspace], {})
    return Diagnosis(opened, [], [], service=found_service(opened.settings))


def test_the_daemon_that_runs_is_said_to_people_and_to_programs(workspace):
    write_config(workspace, "")
    files = daemon_files()
    lock = take(files.lock)
    try:
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        assert "  daemon    is starting or ending" in as_text(looked_at(workspace))
        own_identity(own_settings().settings).write(identity_file(files.socket))
        text = "\n".join(as_text(looked_at(workspace)))
        assert f"  daemon    process {os.getpid()}, CodeTune " in text
        assert "it does not answer: codetune daemon status" in text
        found = as_json(looked_at(workspace))["daemon"]
        assert (found["pid"], found["answers"], found["fits"]) == (os.getpid(), False, True)
    finally:
        os.close(lock)
        identity_file(files.socket).unlink(missing_ok=True)
