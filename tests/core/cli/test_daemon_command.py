"""``codetune daemon``, and commands whose executions run elsewhere than in the daemon."""

import json
import signal
import time

import pytest
from click.testing import CliRunner

from codetune_core.cli.main import main


@pytest.fixture(scope="session")
def sqlite_template(sqlite_starters):
    return sqlite_starters


@pytest.fixture(autouse=True)
def at_home(somebody, monkeypatch):
    monkeypatch.chdir(somebody.home)


def run(*arguments):
    return CliRunner().invoke(main, arguments)


def state():
    result = run("daemon", "status", "--format", "json")
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.usefixtures("somebody")
def test_where_none_runs_that_is_said():
    assert run("daemon", "status").output == "no daemon runs; the next program that needs it starts it\n"
    code, found = state()
    assert (code, found["running"], found["pid"], found["fits"]) == (1, False, None, None)
    assert run("daemon", "stop").output == "no daemon runs\n"
    assert json.loads(run("daemon", "stop", "--format", "json").output) == {"stopped": None}
    assert (run("daemon", "logs").exit_code, run("daemon", "logs").output) == (0, "")


def test_it_is_started_once_and_what_runs_is_said(somebody):
    code, out, _ = somebody.run("daemon", "start")
    assert (code, f"process {somebody.pid} runs CodeTune" in out) == (0, True)
    code, out, _ = somebody.run("daemon", "start", "--format", "json")
    found = json.loads(out)
    assert (code, found["pid"], found["answers"], found["fits"]) == (0, somebody.pid, True, True)


def test_where_it_is_switched_off_it_is_not_started_and_that_is_said(somebody):
    somebody.scripted(daemon={"enabled": False})
    result = run("daemon", "start")
    assert (result.exit_code, result.output) == (
        2,
        "codetune: prompts run in the daemon, which is switched off (daemon.enabled)\n",
    )
    assert somebody.pid is None


def test_one_that_hangs_and_does_not_fit_is_said_and_ended(somebody, monkeypatch):
    monkeypatch.setattr("codetune_core.daemon.asking.ask.__defaults__", (0.05,))
    with somebody.pretended(settings="others", version="0.0.9") as pid:
        code, found = state()
        assert (code, found["pid"], found["answers"], found["fits"]) == (0, pid, False, False)
        assert "it was of CodeTune 0.0.9" in found["why_not"]
        text = run("daemon", "status").output
        assert f"process {pid} runs CodeTune 0.0.9 since " in text
        assert "it does not answer: run `codetune daemon stop`" in text
        assert "not for this terminal: it was of CodeTune 0.0.9" in text
        assert run("daemon", "stop", "--now").output == f"stopped process {pid}\n"
        assert somebody.pid is None


def test_one_that_does_not_end_is_killed(somebody, monkeypatch):
    monkeypatch.setattr("codetune_core.daemon.control._LAST_SECONDS", 0.2)
    monkeypatch.setattr("codetune_core.daemon.control.signal.SIGTERM", 0)  # which nobody hears
    monkeypatch.setattr("codetune_core.daemon.control.signal.SIGINT", 0)
    with somebody.pretended() as pid:
        assert run("daemon", "stop", "--now").output == f"stopped process {pid}\n"
        assert somebody.pid is None


def test_one_that_starts_is_said(somebody):
    with somebody.pretended() as pid:
        somebody.files.socket.with_suffix(".json").unlink()
        assert f"process {pid} is just starting or ending; its log is" in run("daemon", "status").output


def test_the_log_is_printed_without_what_steers_a_terminal(somebody):
    somebody.files.log.write_text("one\ntwo\nthree \x1b[2J\n")
    assert run("daemon", "logs", "-n", "2").output.splitlines()[0] == "two"
    assert "\x1b" not in run("daemon", "logs").output


ACCESS = (
    '{"method": "GET", "milliseconds": 3.5, "user": null, "words": "two words", "event": "request", "level": "info", '
    '"logger": "access", "timestamp": "2026-11-21T23:05:06.789Z"}'
)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            ACCESS,
            '2026-11-22 00:05:06 info    request method=GET milliseconds=3.5 user=null words="two words" logger=access',
        ),
        ('{"event": "it\\nbroke", "level": "error"}', "error   it␊broke"),
        ('{"event": "when?", "level": "warning", "timestamp": "soon"}', "soon warning when?"),
        ('{"event": "a", "level": "info", "empty": "", "list": [1, "x"], "sum": "a=b"}',
         'info    a empty="" list=[1, "x"] sum="a=b"'),
        *((broken, broken) for broken in (ACCESS[:40], "Traceback (most recent call last):", "[1]", '{"no": "event"}')),
        ("[" * 100_000, "[" * 100_000),
    ],
)  # fmt: skip
def test_the_log_is_shown_as_people_read_it_and_to_scripts_as_it_stands(somebody, line, shown):
    somebody.files.log.write_text(f"{line}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Etc/GMT-1")
        time.tzset()
        assert run("daemon", "logs").output == f"{shown}\n"
        assert run("daemon", "logs", "--format", "json").output == f"{line}\n"
    time.tzset()


def test_a_log_that_is_followed_is_readable_too_and_ctrl_c_ends_it_with_130(somebody):
    somebody.files.log.write_text(f"{ACCESS}\n")
    follower = somebody.start("daemon", "logs", "-f")
    assert " request method=GET " in follower.stdout.readline()
    with somebody.files.log.open("a") as log:
        log.write(ACCESS.replace("GET", "PUT") + "\n")
    assert " request method=PUT " in follower.stdout.readline()
    follower.send_signal(signal.SIGINT)
    assert (follower.communicate(timeout=60), follower.returncode) == (("", ""), 130)


@pytest.mark.parametrize(
    ("sections", "pretends", "notice"),
    [
        ({"daemon": {"enabled": False}}, {}, ""),
        ({}, {"settings": "others"}, "others work with it"),
        ({}, {"wire": 99, "version": "99.0"}, "it runs in this process instead"),
    ],
)
def test_a_prompt_runs_in_the_program_itself_where_the_daemon_does_not_do(somebody, sections, pretends, notice):
    somebody.scripted(**sections)
    with somebody.pretended(**pretends):
        result = run("prompts", "run", "explain-code", "--var", "code=a + b", "--var", "language=python")
    assert (result.exit_code, result.stdout) == (0, "It adds two numbers.\n"), result.output
    assert notice in result.stderr
    assert result.stderr.count("notice:") == bool(notice)
    assert [row[1] for row in somebody.recorded()] == [1]
