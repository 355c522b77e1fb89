"""``codetune plugins`` on the command line."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from plugin_files import returns, tool

from codetune_core.cli.diagnosis import Diagnosis, as_json
from codetune_core.cli.exit_codes import ExitCode
from codetune_core.cli.workspace import open_workspace
from codetune_core.plugins.discover import discover

SCRIPT = """
models: [{name: WhiteRabbitNeo-33B-v1, engine: scripted, context_tokens: 16384}]
rules: [{contains: slow, answers: ["one two"], token_delay_ms: 600000}]
default: {answers: ["Nothing wrong."]}
"""


@pytest.fixture
def folder(workspace, sqlite_starters, monkeypatch):
    """The user's plugin folder, in a data folder of its own with a database."""
    data = workspace.parent / "data"
    monkeypatch.setenv("XDG_DATA_HOME", str(data))
    made = data / "codetune" / "plugins"
    made.mkdir(parents=True)
    shutil.copy(sqlite_starters, made.with_name("codetune.db"))
    return made


@pytest.fixture
def ask(run, folder, workspace):
    """Run a plugin with the scripted engine."""
    script = workspace.parent / "answers.yaml"
    script.write_text(SCRIPT)
    return lambda *arguments, **more: run(
        "plugins", "run", *arguments, "--engine", "scripted", "--script", script, **more
    )


def states(run):
    """Return name -> (kind, status)."""
    plugins = json.loads(run("plugins", "list", "--format", "json").stdout)["plugins"]
    return {each["name"]: (each["kind"], each["status"]) for each in plugins}


def test_the_list_names_everything_with_its_state(run, folder, workspace):
    (folder / "mine.py").write_text(returns("mine", "1"))
    (folder / "broken.py").write_text("def (")
    own = workspace / ".codetune" / "plugins"
    own.mkdir(parents=True)
    (own / "theirs.py").write_text(returns("theirs", "1"))
    assert states(run).items() >= {
        "mine": ("tool", "not loaded"), "broken": ("tool", "error"), "theirs": ("tool", "not trusted"),
        "whiterabbitneo": ("llm", "not loaded"), "codet5p": ("codegen", "not loaded"),
        "ruff": ("detector", "not loaded"),
    }.items()  # fmt: skip
    lines = {line.split()[0]: line for line in run("plugins", "list").stdout.splitlines()}
    assert lines["broken"].endswith(f"line 1 is no Python: invalid syntax ({folder}/broken.py)")
    assert lines["theirs"].endswith(f"run `codetune trust {workspace}` ({own}/theirs.py)")
    run("trust")
    assert states(run)["theirs"] == ("tool", "not loaded")


def test_info_shows_all_that_is_known(run, folder):
    (folder / "mine.py").write_text(returns("mine", "1", version="3", author="Ada\x1b[31m", capabilities=("network",)))
    shown = run("plugins", "info", "mine").stdout
    for line in ("status     not loaded", "version    3", "uses       the network", "tasks      do", "author     Ada"):
        assert line in shown
    assert "\x1b" not in shown
    assert json.loads(run("plugins", "info", "mine", "--format", "json").stdout)["capabilities"] == ["network"]
    missing = run("plugins", "info", "nobody")
    assert (missing.exit_code, "there is no plugin 'nobody'" in missing.output) == (2, True)


def test_an_answer_goes_to_the_standard_output_and_the_rest_beside_it(ask, run, workspace):
    (workspace / "a.py").write_text("x = 1\n")
    result = ask("whiterabbitneo", "security", "--input", "a.py")
    assert (result.exit_code, result.stdout) == (0, "Nothing wrong.\n"), result.output
    assert "WhiteRabbitNeo-33B-v1: " in result.stderr
    assert "2 written" in result.stderr
    (row,) = json.loads(run("history", "list", "--format", "json").stdout)
    assert (row["task"], row["model_used"]) == ("review", "WhiteRabbitNeo-33B-v1")


def test_a_script_gets_one_object(ask):
    result = ask("whiterabbitneo", "analyze", "--input", "-", "--arg", "language=go", "--format", "json", text="x := 1")
    content = json.loads(result.stdout)
    assert content["result"]["text"] == "Nothing wrong."
    assert (content["plugin"], content["task"], content["models"]) == (
        "whiterabbitneo",
        "analyze",
        ["WhiteRabbitNeo-33B-v1"],
    )
    assert content["usage"]["completion_tokens"] == 2


PRINTED = {
    "'text'": "text\n",
    "{'text': 'a\\n'}": "a\n",
    "[1, 'ü']": '[\n  1,\n  "ü"\n]\n',
    "self.show('working... ') or 'done'": "working... \ndone\n",
    "self.show('done') or 'done'": "done\n",
}


def test_a_value_of_any_kind_is_printed_once(ask, folder):
    (folder / "mine.py").write_text(returns("mine", "eval(request.text)"))
    for expression, printed in PRINTED.items():
        assert ask("mine", "do", "--input", "-", text=expression).stdout == printed


FAILURES = {
    ("whiterabbitneo", "security"): (2, "security needs a text"),
    ("whiterabbitneo", "dance"): (2, "has no task 'dance'; it has analyze, security, optimize"),
    ("whiterabbitneo", "security", "--input", "nowhere.py"): (2, "nowhere.py cannot be read"),
    ("whiterabbitneo", "security", "--input", "latin.py"): (2, "latin.py is not UTF-8 (byte 1)"),
    ("nobody", "security"): (2, "there is no plugin 'nobody'"),
    ("WhiteRabbitNeo", "security"): (2, "did you mean whiterabbitneo?: `codetune plugins list`"),
    ("ruff", "security"): (1, "is a detector: `codetune review` runs it"),
    ("codet5p", "complete", "--input", "a.py"): (1, "no model 'codet5p-16b'"),
    ("fails", "do"): (1, "fails failed: ZeroDivisionError"),
}


def test_what_goes_wrong_is_said(ask, folder, workspace):
    (workspace / "a.py").write_text("x = 1\n")
    (workspace / "latin.py").write_bytes(b"\xff")
    (folder / "fails.py").write_text(returns("fails", "1 / 0"))
    for arguments, (code, says) in FAILURES.items():
        result = ask(*arguments)
        assert (result.exit_code, says in result.stderr) == (code, True), result.stderr


@pytest.mark.parametrize("name", ["mine", "secrets"])
def test_a_plugin_or_detector_is_switched_off_and_on(run, folder, name):
    (folder / "mine.py").write_text(returns("mine", "1"))
    assert run("plugins", "disable", name).stdout == f"{name} is now switched off\n"
    assert run("plugins", "disable", name).stdout == f"{name} is already switched off\n"
    assert states(run)[name][1] == "disabled"
    if name == "mine":
        assert "disabled  switched off by plugins.disabled" in run("plugins", "reload", name).stdout
    assert run("plugins", "enable", name).stdout == f"{name} is now switched on\n"
    assert states(run)[name][1] == "not loaded"
    assert run("plugins", "disable", "nobody").exit_code == ExitCode.USAGE


def test_where_the_workspace_decides_it_is_said(run, workspace):
    (workspace / "codetune.toml").write_text("[detectors]\ndisabled = ['secrets']\n")
    result = run("plugins", "enable", "secrets")
    assert result.exit_code == ExitCode.USAGE
    assert "detectors.disabled of this workspace's own settings goes before yours" in result.stderr


def test_reload_says_which_plugins_load(run, folder):
    (folder / "mine.py").write_text(returns("mine", "1", top="1 / 0"))
    (folder / "off.py").write_text(returns("off", "1"))
    run("plugins", "disable", "off")
    result = run("plugins", "reload", "--format", "json")
    stand = {each["name"]: each["status"] for each in json.loads(result.stdout)["plugins"]}
    assert (result.exit_code, stand) == (1, {"codet5p": "loaded", "mine": "error", "whiterabbitneo": "loaded"})
    (folder / "mine.py").write_text(returns("mine", "1"))
    result = run("plugins", "reload", "mine")
    assert (result.exit_code, result.stdout.split()) == (0, ["mine", "tool", "0", "loaded", "do"])
    assert run("plugins", "reload", "nobody").exit_code == ExitCode.USAGE


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_ctrl_c_ends_plugin_and_model_and_the_program_with_130(folder, workspace):
    run = "def run(self, request):\n    self.show(f'{os.getpid()}\\n')\n    return self.engine.generate('slow')"
    (folder / "mine.py").write_text(tool("mine", run, top="import os", capabilities=("model",)))
    (workspace / "answers.yaml").write_text(SCRIPT)
    command = [sys.executable, "-m", "codetune_core.cli.main", "plugins", "run", "mine", "do"]
    command += ["--engine", "scripted", "--script", "answers.yaml"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        pid = int(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == ExitCode.INTERRUPTED
        assert process.stderr.read() == "cancelled\n"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_doctor_shows_plugins_beside_the_detectors(run, folder):
    (folder / "broken.py").write_text("def (")
    shown = run("doctor").stdout.split("\nPlugins\n")[1].split("\n\n")[0]
    assert "broken          tool     0    error       line 1 is no Python" in shown
    assert "whiterabbitneo  llm      1.0  not loaded  analyze, security, optimize" in shown
    assert "secrets" not in shown
    workspace = open_workspace([], {})
    diagnosis = Diagnosis(workspace, [], [], plugins=discover(workspace.settings))
    assert [each["name"] for each in as_json(diagnosis)["plugins"]] == ["broken", "codet5p", "whiterabbitneo"]


@pytest.mark.parametrize("command", ["list", "info", "run", "enable", "disable", "reload"])
def test_every_command_explains_itself(run, command):
    result = run("plugins", command, "--help")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 5
