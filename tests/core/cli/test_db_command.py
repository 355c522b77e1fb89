"""``codetune db`` on the command line, on both databases."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from codetune_core.cli.db import db

SECRET = "c4n%40ry"


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """A user with an empty home, whose data folder nobody else's tests touch."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CODETUNE_DATABASE_URL", raising=False)
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    return tmp_path / "home"


def run(*arguments):
    return CliRunner().invoke(db, [str(argument) for argument in arguments])


def check(result, code, *words):
    assert result.exit_code == code, result.output
    assert [word for word in words if word not in result.output] == []
    return result.output


def test_a_database_is_made_looked_over_and_used_again(home):
    check(run("current"), 2, "does not exist: `codetune db upgrade` makes it")
    check(run("upgrade"), 0, "the schema went from none to")
    check(run("upgrade"), 0, "nothing to do")
    check(run("current"), 0, "(current)")
    check(run("check"), 0, "is whole")
    check(run("vacuum"), 0, "is vacuumed")
    file = home / "codetune" / "codetune.db"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_script_reads_current_and_check():
    run("upgrade")
    known = json.loads(check(run("current", "--format", "json"), 0))
    assert known["state"] == "current"
    assert known["revision"] == known["head"]
    assert json.loads(check(run("check", "--format", "json"), 0))["problems"] == []
    run("downgrade", "0003")
    assert json.loads(check(run("current", "--format", "json"), 1))["state"] == "older"
    assert json.loads(check(run("check", "--format", "json"), 1))["problems"] != []


def test_a_relative_downgrade_keeps_a_copy():
    run("upgrade")
    output = check(run("downgrade", "--", "-1"), 0, "the database as it was is ")
    copy = output.split("as it was is ")[1].strip()
    check(run("current", "--url", f"sqlite:///{copy}"), 0, "(current)")


def test_an_unknown_revision_is_a_mistake():
    run("upgrade")
    check(run("upgrade", "nowhere"), 2, "nowhere is no revision that can be reached")


def test_a_backup_is_restored_and_what_stood_there_is_kept(home, tmp_path):
    file = home / "codetune" / "codetune.db"
    run("upgrade")
    check(run("backup", tmp_path / "b.db"), 0, "is copied to")
    check(run("backup", tmp_path / "b.db"), 2, "exists already")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE maintenance SET task = 'changed'")
    output = check(run("restore", tmp_path / "b.db"), 0, "is restored from")
    kept = output.split("is kept in ")[1].strip()
    assert [task(path) for path in (file, Path(kept))] == ["retention", "changed"]
    check(run("check"), 0, "is whole")


def task(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT task FROM maintenance").fetchone()[0]


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" + b"x" * 5000])
def test_what_is_no_database_is_not_restored(tmp_path, content, home):
    run("upgrade")
    before = (home / "codetune" / "codetune.db").read_bytes()
    (tmp_path / "b.db").write_bytes(content)
    check(run("restore", tmp_path / "b.db"), 2, "is no CodeTune database")
    assert (home / "codetune" / "codetune.db").read_bytes() == before


def test_a_damaged_backup_is_not_restored(tmp_path):
    run("upgrade")
    run("backup", tmp_path / "b.db")
    damaged = bytearray((tmp_path / "b.db").read_bytes())
    damaged[5 * 4096 : 9 * 4096] = b"\x5a" * (4 * 4096)
    (tmp_path / "b.db").write_bytes(damaged)
    check(run("restore", tmp_path / "b.db"), 2, "b.db is ")
    check(run("check"), 0, "is whole")


def test_a_backup_of_a_newer_codetune_is_not_restored(tmp_path):
    run("upgrade")
    run("backup", tmp_path / "b.db")
    with closing(sqlite3.connect(tmp_path / "b.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'future'")
    check(run("restore", tmp_path / "b.db"), 2, "schema future, which this CodeTune does not know")


def test_a_database_that_is_broken_can_be_restored_over(home, tmp_path):
    file = home / "codetune" / "codetune.db"
    run("upgrade")
    run("backup", tmp_path / "b.db")
    file.write_bytes(b"broken" * 1000)
    for suffix in ("-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    check(run("current"), 2, "not a database")
    kept = check(run("restore", tmp_path / "b.db"), 0, "is restored from").split("is kept in ")[1].strip()
    assert Path(kept).read_bytes() == b"broken" * 1000
    check(run("check"), 0, "is whole")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("DROP TRIGGER prompt_versions_kept", "the trigger prompt_versions_kept is missing"),
        ("DROP INDEX ix_model_cache_expires_at", "the schema differs"),
        (
            "INSERT INTO training_metric VALUES ('a', 'b', 0, 0, 0, 0, 0, '2026-01-01')",
            "points to a row of training_config",
        ),
        ("DELETE FROM execution_search_data", "the search index is damaged"),
    ],
)
def test_damage_is_found(home, damage, says):
    run("upgrade")
    with closing(sqlite3.connect(home / "codetune" / "codetune.db")) as connection, connection:
        connection.execute(damage)
    check(run("check"), 1, says)


@pytest.mark.postgresql
def test_postgresql_is_set_up_checked_and_changed_only_with_yes(postgresql_url):
    check(run("current", "--url", postgresql_url), 0, "(current)")
    check(run("check", "--url", postgresql_url), 0, "is whole")
    check(run("vacuum", "--url", postgresql_url), 0, "is vacuumed")
    said = check(run("downgrade", "0003", "--url", postgresql_url), 2, "pg_dump --format=custom")
    assert "then run: codetune db downgrade --yes -- 0003" in said
    check(run("downgrade", "0003", "--url", postgresql_url, "--yes"), 0, "to 0003")
    check(run("upgrade", "--url", postgresql_url), 2, "codetune db upgrade --yes")
    check(run("upgrade", "--url", postgresql_url, "--yes"), 0, "from 0003")


def test_a_file_that_cannot_be_made_is_an_error_that_says_why(tmp_path):
    (tmp_path / "file").write_text("")
    check(run("upgrade", "--url", f"sqlite:///{tmp_path}/file/below.db"), 2, "below.db cannot be made (")


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_for_postgresql_its_own_program_is_named(command):
    output = check(run(command, "--url", f"postgresql://u:{SECRET}@h/d"), 2, "'postgresql://u@h/d'", "pg_")
    assert "c4n" not in output


@pytest.mark.parametrize("command", [("upgrade",), ("downgrade", "base"), ("current",), ("check",), ("vacuum",)])
def test_no_command_shows_a_password(command, tmp_path, home):
    (home / "codetune").mkdir(parents=True)
    (home / "codetune" / "codetune.toml").write_text("[storage]\nconnect_seconds = 0.3\n")
    url = f"postgresql://u:{SECRET}@/d?host={tmp_path}&connect_timeout=1"
    output = check(run(*command, "--url", url), 2, "cannot be reached", "start the server")
    assert "c4n" not in output


def test_rows_in_the_fallback_file_are_said():
    from codetune_core.storage.url import fallback_url  # noqa: PLC0415 - after the home of this test is set

    run("upgrade")
    run("upgrade", "--url", fallback_url().shown)
    with closing(sqlite3.connect(fallback_url().path)) as connection, connection:
        columns = (
            "sequence, id, executed_at, user_id, session_id, workspace, task, keep, model_used, model_revision, engine"
        )
        columns += ", from_cache, price_source, experiment_id, experiment_arm, cache_key"
        connection.execute(
            f"INSERT INTO execution_history ({columns}) VALUES (1, 'a', '2026-01-01', '', '', '', 'ask', 'full', '', "
            "'', '', 0, '', '', '', '{}')"
        )
    check(run("current"), 0, "1 executions lie apart, in ")
    assert json.loads(run("current", "--format", "json").stdout)["fallback"]["executions"] == 1


@pytest.mark.parametrize("command", ["upgrade", "downgrade", "current", "check", "backup", "restore", "vacuum"])
def test_every_command_explains_itself(command):
    check(run(command, "--help"), 0, "--url")
