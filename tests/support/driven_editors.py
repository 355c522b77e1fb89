"""Real editors that run a script of theirs on a file, and write down what they saw."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[1] / "editors"
PROGRAMS = {"nvim": shutil.which("nvim"), "emacs": shutil.which("emacs")}
README = Path(__file__).parents[2] / "README.md"
_PAGE = README.parent / "docs" / "editors.md"
_SECONDS = 150


def drive(editor: str, script: str, file: Path, **environment: str) -> dict:
    """Run an editor on a file, with nothing of the user's own; what it saw, and the file as it is on the disk then."""
    if not PROGRAMS[editor]:
        if os.environ.get("CODETUNE_REQUIRE_EDITORS"):
            pytest.fail(f"{editor} is not installed")
        pytest.skip(f"{editor} is not installed")
    folder = file.parent
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    own = {
        "CODETUNE_FILE": str(file),
        "CODETUNE_RESULT": str(result),
        "CODETUNE_COMMAND": f"{sys.executable} -m codetune_server",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
    }
    run = subprocess.run(
        [PROGRAMS[editor], *_arguments(editor, SCRIPTS / script)],
        cwd=folder,
        env={**os.environ, **own, **environment},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert result.exists(), run.stdout + run.stderr
    seen = json.loads(result.read_text("utf-8"))
    assert "problem" not in seen, (seen, run.stderr[-2000:])
    return {**seen, "file": file.read_text("utf-8")}


def snippet(language: str, mark: str, page: Path = _PAGE) -> str:
    """The lines of docs/editors.md, or another page, for a language in which this stands."""
    blocks = re.findall(rf"```(?:{language})\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return next(block for block in blocks if mark in block)


def _arguments(editor: str, script: Path) -> list[str]:
    if editor == "emacs":
        return ["-q", "--batch", "-l", str(script)]
    return ["--headless", "-u", "NONE", "-i", "NONE", "-n", "-c", f"luafile {script}"]
