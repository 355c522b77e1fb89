"""Real editors drive the server: open, see the finding, type, save, apply a fix, check the buffer and the file."""

import pytest
from driven_editors import drive

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


def test_emacs_sees_the_finding_and_applies_the_fix(file):
    seen = drive("emacs", "session.el", file)
    assert seen["opened"] == [5, "yaml.load"]
    assert seen["typed"] == [6, "yaml.load"]
    assert seen["title"].startswith("Fix: read the YAML with `safe_load` (")
    assert seen["buffer"] == seen["file"] == FIXED
