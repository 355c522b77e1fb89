"""Real editors drive the server: open, see the finding, type, save, apply a fix, check the buffer and the file."""

import os
import sys
from pathlib import Path

import pytest
from driven_editors import README, drive, snippet

FLAWED = 'import yaml\n\n\ndef read(text):\n    """é😀."""\n    return "😀", yaml.load(text)  # kept\n'
TYPED = "# é😀 typed above\n"
FIXED = TYPED + FLAWED.replace("yaml.load", "yaml.safe_load")
pytestmark = [pytest.mark.editor, pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.fixture
def file(tmp_path):
    """A flawed file, alone in its folder."""
    path = tmp_path / "flawed.py"
    path.write_text(FLAWED, "utf-8")
    return path


@pytest.mark.parametrize("encoding", ["", "utf-8", "utf-16", "utf-32"])
def test_neovim_sees_the_finding_and_applies_the_fix(file, encoding):
    seen = drive("nvim", "session.lua", file, CODETUNE_ENCODING=encoding)
    assert [finding[0] for finding in seen["opened"]] == [5]
    assert [finding[4:] for finding in seen["typed"]] == [["S506", "codetune"]]
    assert seen["title"] == "Fix: read the YAML with `safe_load` (parses, names resolve, finding gone, nothing new)"
    assert seen["buffer"] + "\n" == seen["file"] == FIXED


def test_the_lines_of_the_readme_make_neovim_show_findings(file):
    lines, other = file.with_name("lines.lua"), file.with_name("other.py")
    lines.write_text(snippet("lua", "start_client", README), "utf-8")
    other.write_text(FLAWED, "utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    seen = drive("nvim", "readme.lua", file, CODETUNE_SNIPPET=str(lines), CODETUNE_OTHER=str(other), PATH=path)
    assert seen["rules"] == ["S506", "S506"]
    assert seen["clients"] == 1


def test_emacs_sees_the_finding_and_applies_the_fix(file):
    seen = drive("emacs", "session.el", file)
    assert seen["opened"] == [5, "yaml.load"]
    assert seen["typed"] == [6, "yaml.load"]
    assert seen["title"].startswith("Fix: read the YAML with `safe_load` (")
    assert seen["buffer"] == seen["file"] == FIXED
