"""A changed text goes back to its file, or the file stays as it was."""

import codecs
import os
import stat
from pathlib import Path

import pytest

from codetune_core.errors import CodeTuneError
from codetune_core.workspace.read import read
from codetune_core.workspace.write import replace_file, rewrite


def check(path: Path, old: bytes, new_text: str, expected: bytes) -> None:
    path.write_bytes(old)
    rewrite(read(path), new_text)
    assert path.read_bytes() == expected
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_byte_order_mark_and_line_ends_are_kept(tmp_path):
    check(tmp_path / "a.py", codecs.BOM_UTF8 + b"x = 1\r\n", "x = 2\r\n", codecs.BOM_UTF8 + b"x = 2\r\n")


def test_the_declared_encoding_is_kept(tmp_path):
    old = "# coding: latin-1\nx = 'é'\n"
    check(tmp_path / "a.py", old.encode("latin-1"), old + "y = 'ü'\n", (old + "y = 'ü'\n").encode("latin-1"))


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o4750])
def test_the_mode_is_kept(tmp_path, mode):
    path = tmp_path / "a.py"
    path.write_text("x\n")
    path.chmod(mode)
    rewrite(read(path), "y\n")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_link_stays_a_link_and_its_target_changes(tmp_path):
    (tmp_path / "real.py").write_text("x\n")
    (tmp_path / "link.py").symlink_to("real.py")
    rewrite(read(tmp_path / "link.py"), "y\n")
    assert (tmp_path / "link.py").is_symlink()
    assert (tmp_path / "real.py").read_text() == "y\n"


def test_a_file_that_changed_meanwhile_is_left_as_it_is(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("x\n")
    source = read(path)
    path.write_text("someone else's\n")
    with pytest.raises(CodeTuneError, match="changed on the disk"):
        rewrite(source, "y\n")
    assert path.read_text() == "someone else's\n"


def test_a_file_that_vanished_meanwhile_does_not_come_back(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("x\n")
    source = read(path)
    path.unlink()
    with pytest.raises(CodeTuneError, match="cannot be written"):
        rewrite(source, "y\n")
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_the_encoding_cannot_hold_changes_nothing(tmp_path):
    path = tmp_path / "a.py"
    path.write_bytes(b"# coding: ascii\n")
    with pytest.raises(CodeTuneError, match="cannot be written as ascii"):
        rewrite(read(path), "# coding: ascii\n'é'\n")
    assert path.read_bytes() == b"# coding: ascii\n"


def test_a_text_that_would_not_come_back_byte_for_byte_is_not_touched(tmp_path):
    path = tmp_path / "a.py"
    data = b"# coding: utf-7\nx = '+AGE-'\n"  # another spelling of 'a'
    path.write_bytes(data)
    with pytest.raises(CodeTuneError, match="byte for byte"):
        rewrite(read(path), "x = 1\n")
    assert path.read_bytes() == data


def test_a_new_file_has_the_mode_that_the_user_wants(tmp_path):
    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "new.toml", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.toml").stat().st_mode) == 0o640


def test_a_failure_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "a.py"
    path.write_text("old\n")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(CodeTuneError, match="no space left on device"):
        rewrite(read(path), "new\n")
    assert path.read_text() == "old\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.py"]
