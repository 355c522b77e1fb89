"""``codetune doctor`` says what is there."""

import json
import stat

import pytest

from codetune_core.cli.diagnosis import Diagnosis, as_text
from codetune_core.cli.editors import EDITORS, Editor, FoundEditor, found_editors, too_old
from codetune_core.cli.workspace import open_workspace
from codetune_core.workers.messages import DetectorState


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
