"""The program as a shell starts it: streams, signals, terminals."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

COMMAND = [sys.executable, "-m", "codetune_core.cli.main"]
SHELL = "import subprocess\n\n\ndef run(name):\n    subprocess.call('ls ' + name, shell=True)\n"


def start(*arguments: str, **more) -> subprocess.Popen:
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*COMMAND, *arguments], **(pipes | more))


def living(session: int, name: str = "") -> list[str]:
    """The names of a session's processes, of those whose name has ``name`` in it."""
    found = [process.info for process in psutil.process_iter(["pid", "name", "status"])]
    running = [info for info in found if info["status"] != psutil.STATUS_ZOMBIE and in_session(info["pid"], session)]
    return [info["name"] for info in running if name in info["name"]]


def in_session(pid: int, session: int) -> bool:
    try:
        return os.getsid(pid) == session
    except ProcessLookupError:
        return False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["review", "doctor", "trust", "lsp"]),
        (["review", "--help"], ["--fail-on", "codetune review --format sarif", "Exit code: 0"]),
        (["doctor", "--help"], ["--format"]),
        (["trust", "--help"], ["CODETUNE_TRUST_WORKSPACE=1"]),
        (["--version"], ["codetune, version"]),
    ],
)
def test_help_tells_what_there_is(arguments, words):
    process = start(*arguments)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")
    assert all(word in out.decode() for word in words)


def test_findings_go_to_the_output_and_the_summary_beside_it(workspace):
    (workspace / "a.py").write_text(SHELL)
    process = start("review", "--format", "json", cwd=workspace)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert json.loads(out)["findings"][0]["rule"] == "S602"
    assert err.decode().startswith("1 finding: 1 high.")


def test_ctrl_c_ends_everything_at_once_and_quietly(workspace):
    for number in range(200):
        (workspace / f"m{number}.py").write_text(SHELL * 5)
    process = start("review", cwd=workspace, start_new_session=True)
    while not living(process.pid, "ruff"):
        time.sleep(0.1)
    began = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert (process.returncode, out) == (130, b"")
    assert b"interrupted" in err
    assert b"Traceback" not in err
    while living(process.pid) and time.monotonic() - began < 10:
        time.sleep(0.1)
    assert living(process.pid) == []


def test_a_reader_that_goes_away_is_no_crash(workspace):
    for number in range(30):
        (workspace / f"m{number}.py").write_text(SHELL)
    process = start("review", cwd=workspace)
    process.stdout.close()
    err = process.stderr.read()
    process.wait(timeout=60)
    process.stderr.close()
    assert b"Traceback" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_long_run_shows_its_progress_on_a_terminal_only(workspace):
    for number in range(25):
        (workspace / f"m{number}.py").write_text("x = 1\n")
    controller, terminal = os.openpty()
    process = start("review", cwd=workspace, stderr=terminal, env={**os.environ, "TERM": "xterm", "COLUMNS": "80"})
    os.close(terminal)
    shown = b""
    while True:
        try:
            part = os.read(controller, 4096)
        except OSError:
            break
        if not part:
            break
        shown += part
    out = process.stdout.read()
    process.stdout.close()
    process.wait(timeout=60)
    os.close(controller)
    assert b"Reviewing" in shown
    assert b"/25" in shown
    assert out.startswith(b"No findings. 25 files reviewed")


@pytest.mark.parametrize(
    "module", ["rich", "libcst", "detect_secrets", "jsonschema", "lsprotocol", "pydantic", "asyncio"]
)
def test_help_does_not_load_what_it_does_not_need(module):
    code = (
        "import sys; from click.testing import CliRunner; from codetune_core.cli.main import main;"
        f"CliRunner().invoke(main, ['--help']); sys.exit({module!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("module", ["rich", "libcst", "detect_secrets", "lsprotocol"])
def test_a_review_for_programs_loads_no_terminal_library_and_no_detector(workspace, module):
    (workspace / "a.py").write_text("x = 1\n")
    code = (
        "import sys; from click.testing import CliRunner; from codetune_core.cli.main import main;"
        "assert CliRunner().invoke(main, ['review', '--format', 'json']).exit_code == 0;"
        f"sys.exit({module!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=workspace).returncode == 0
