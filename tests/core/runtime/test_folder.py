"""The folder of sockets is the user's own, nobody else's, and short enough."""

import os

import pytest

from codetune_core.errors import SettingsError
from codetune_core.runtime import folder as runtime_folder
from codetune_core.runtime.folder import Files, holder, private, take


def test_the_folder_is_made_where_the_system_keeps_such_things(monkeypatch, tmp_path_factory):
    parent = tmp_path_factory.mktemp("r")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(parent))
    folder = runtime_folder.runtime_folder("codetune")
    assert folder.parent == parent
    assert folder.stat().st_mode & 0o777 == 0o700
    assert runtime_folder.runtime_folder("codetune") == folder


def test_a_path_too_long_for_a_socket_is_passed_over(monkeypatch, tmp_path):
    long = tmp_path / ("x" * 80)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    monkeypatch.setattr("tempfile.tempdir", str(long))
    folder = runtime_folder.runtime_folder("codetune")
    assert len(os.fsencode(Files(folder, "k" * 32).socket)) <= 100


def test_a_folder_that_others_may_read_is_closed_to_them(tmp_path):
    (tmp_path / "folder").mkdir(mode=0o755)
    assert private(tmp_path / "folder").stat().st_mode & 0o777 == 0o700


def test_a_link_that_somebody_put_there_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "folder").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match="is not a folder of your own: remove it"):
        private(tmp_path / "folder")


def test_the_folder_of_somebody_else_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(SettingsError, match="is not a folder of your own"):
        private(tmp_path)


def test_a_system_without_unix_sockets_is_told_what_to_use(monkeypatch):
    monkeypatch.delattr(os, "getuid")
    with pytest.raises(SettingsError, match="OpenAI-compatible server such as Ollama"):
        runtime_folder.runtime_folder("codetune")


def test_a_lock_is_held_by_one_and_says_by_whom(tmp_path):
    path = tmp_path / "lock"
    assert holder(path) is None
    descriptor = take(path)
    os.write(descriptor, b"42")
    assert take(path) is None
    assert holder(path) == 42
    os.close(descriptor)
    assert holder(path) is None
