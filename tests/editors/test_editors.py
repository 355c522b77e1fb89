"""Real editors drive the server: open, see the finding, type, save, apply a fix, check the buffer and the file."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROGRAMS = {"nvim": shutil.which("nvim"), "emacs": shutil.which("emacs")}
FLAWED = 'import yaml\n\n\ndef read(text):\n    """é😀."""\n    return "😀", yaml.load(text)  # kept\n'
TYPED = "# é😀 typed above\n"
FIXED = TYPED + FLAWED.replace("yaml.load", "yaml.safe_load")
pytestmark = [pytest.mark.editor, pytest.mark.slow, pytest.mark.timeout(180)]


def drive(editor: str, arguments: list[str], folder: Path, **environment: str) -> dict:
    """Run an editor on a flawed file of its own; what it saw, as it wrote it down."""
    if not PROGRAMS[editor]:
        if os.environ.get("CODETUNE_REQUIRE_EDITORS"):
            pytest.fail(f"{editor} is not installed")
        pytest.skip(f"{editor} is not installed")
    file, result = folder / "flawed.py", folder / "result.json"
    file.write_text(FLAWED, "utf-8")
    own = {
        "CODETUNE_FILE": str(file),
        "CODETUNE_RESULT": str(result),
        "CODETUNE_COMMAND": f"{sys.executable} -m codetune_server",
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "LANG": "C.UTF-8",
    }
    command = [PROGRAMS[editor], *arguments]
    run = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **own, **environment},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert result.exists(), run.stdout + run.stderr
    seen = json.loads(result.read_text("utf-8"))
    assert "problem" not in seen, (seen, run.stderr[-2000:])
    return {**seen, "file": file.read_text("utf-8")}


@pytest.mark.parametrize("encoding", ["", "utf-8", "utf-16", "utf-32"])
def test_neovim_sees_the_finding_and_applies_the_fix(tmp_path, encoding):
    script = ["--headless", "-u", "NONE", "-i", "NONE", "-n", "-c", f"luafile {HERE / 'session.lua'}"]
    seen = drive("nvim", script, tmp_path, CODETUNE_ENCODING=encoding)
    assert [finding[0] for finding in seen["opened"]] == [5]
    assert [finding[4:] for finding in seen["typed"]] == [["S506", "codetune"]]
    assert seen["title"] == "Fix: read the YAML with `safe_load` (parses, names resolve, finding gone, nothing new)"
    assert seen["buffer"] + "\n" == seen["file"] == FIXED


def test_emacs_sees_the_finding_and_applies_the_fix(tmp_path):
    seen = drive("emacs", ["-q", "--batch", "-l", str(HERE / "session.el")], tmp_path)
    assert seen["opened"] == [5, "yaml.load"]
    assert seen["typed"] == [6, "yaml.load"]
    assert seen["title"].startswith("Fix: read the YAML with `safe_load` (")
    assert seen["buffer"] == seen["file"] == FIXED
