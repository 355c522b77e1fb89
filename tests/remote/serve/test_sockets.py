"""Sockets that never have two owners: permissions, stale ones, and those of others."""

import os
import socket
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from codetune_core.daemon.identity import Identity
from codetune_core.daemon.place import identity_file, listens, lock_file
from codetune_core.errors import SettingsError
from codetune_core.runtime.folder import holder, take
from codetune_remote.serve import sockets
from codetune_remote.serve.sockets import ServesAlready, is_this_machine, tcp_socket, unix_socket, where

SAYS = Identity("1.2.3", 1, "settings")


@pytest.fixture
def path():
    """Of a socket, short enough, in a private folder."""
    with tempfile.TemporaryDirectory(prefix="cts") as folder:
        yield Path(folder) / "x.sock"


def listening(path):
    other = socket.socket(socket.AF_UNIX)
    other.bind(str(path))
    other.listen()
    return other


def test_a_socket_is_the_user_s_alone_and_goes_with_its_process(path):
    with unix_socket(path) as listener:
        assert path.stat().st_mode & 0o777 == 0o600
        assert holder(lock_file(path)) == os.getpid()
        assert listens(path)
        assert where(listener) == str(path)
        assert is_this_machine(listener)
    assert not path.exists()
    assert holder(lock_file(path)) is None


@pytest.mark.parametrize(("name", "content"), [("x.lock", "[[package]]\n"), ("x.json", '{"name": "mine"}')])
def test_files_beside_a_socket_that_are_somebody_else_s_are_left_alone(path, name, content):
    file = path.parent / name
    file.write_text(content)
    with pytest.raises(SettingsError, match="choose another name"), unix_socket(path):
        pass
    assert file.read_text() == content
    assert not path.exists()


@pytest.mark.parametrize("name", ["x", "x.json", "x.lock", "x.sock.lock"])
def test_a_socket_has_a_name_that_none_of_its_files_has(path, name):
    with pytest.raises(SettingsError, match=r"ends in \.sock"), unix_socket(path.parent / name):
        pass
    assert list(path.parent.iterdir()) == []


def test_what_a_service_says_of_itself_nobody_else_can_read(path):
    with unix_socket(path):
        SAYS.write(identity_file(path))
        assert identity_file(path).stat().st_mode & 0o077 == 0


def test_a_folder_is_made_private_and_one_that_others_see_is_refused(path):
    inner = path.parent / "new" / "x.sock"
    with unix_socket(inner):
        assert inner.parent.stat().st_mode & 0o777 == 0o700
    inner.parent.chmod(0o755)
    with pytest.raises(SettingsError, match=r"others can look into .*chmod 700"), unix_socket(inner):
        pass
    with pytest.raises(SettingsError, match="No such file"), unix_socket(path.parent / "a" / "b" / "x.sock"):
        pass


def test_a_stale_socket_is_replaced(path):
    listening(path).close()
    replace(SAYS, pid=1).write(identity_file(path))
    assert path.exists()
    with unix_socket(path):
        assert listens(path)
        assert not identity_file(path).exists()


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("/nowhere")])
def test_what_is_no_socket_is_not_taken_away(path, make):
    make(path)
    with pytest.raises(SettingsError, match="is no socket"), unix_socket(path):
        pass
    assert os.path.lexists(path)
    assert holder(lock_file(path)) is None


def test_the_socket_of_another_program_is_not_taken_away(path):
    with listening(path), pytest.raises(SettingsError, match="another program listens on"), unix_socket(path):
        pass
    assert path.exists()


def test_the_first_one_is_recognised(path, monkeypatch):
    monkeypatch.setattr(sockets, "_LOOKED_AT_SECONDS", 0.05)
    with unix_socket(path):
        with (
            pytest.raises(ServesAlready, match=f"process {os.getpid()} is about to begin or to end"),
            unix_socket(path),
        ):
            pass
        SAYS.write(identity_file(path))
        with pytest.raises(ServesAlready, match=r"serves on .* already \(CodeTune 1.2.3\)"), unix_socket(path):
            pass
        assert listens(path)


def test_who_only_looks_at_the_lock_is_no_service(path, monkeypatch):
    looking = take(lock_file(path))
    monkeypatch.setattr("time.sleep", lambda _: os.close(looking))
    with unix_socket(path):
        assert listens(path)


def test_a_lock_that_was_taken_before_is_kept(path):
    lock = take(lock_file(path))
    with unix_socket(path, lock):
        assert holder(lock_file(path)) == os.getpid()
    assert holder(lock_file(path)) is None


def test_a_socket_that_another_put_in_its_place_is_left(path):
    with unix_socket(path):
        path.unlink()
        other = listening(path)
        SAYS.write(identity_file(path))
    with other:
        assert listens(path)
        assert identity_file(path).exists()


def test_a_path_too_long_is_said(path):
    long = path.parent / ("x" * 200 + ".sock")
    with pytest.raises(SettingsError, match="cannot listen on"), unix_socket(long):
        pass


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "http://127.0.0.1:"), ("localhost", "http://"), ("::1", "http://[::1]:")]
)
def test_port_0_takes_a_free_one_and_says_which(host, shown):
    with tcp_socket(host, 0) as listener:
        assert where(listener).startswith(shown)
        assert not where(listener).endswith(":0")
        assert where(listener, encrypted=True).startswith("https://")
        assert is_this_machine(listener)
        port = listener.getsockname()[1]
        with pytest.raises(SettingsError, match=r"cannot listen on .*in use"), tcp_socket(host, port):
            pass


def test_every_address_of_a_machine_is_more_than_itself():
    with tcp_socket("0.0.0.0", 0) as listener:
        assert not is_this_machine(listener)


def test_an_address_of_another_machine_is_said():
    with pytest.raises(SettingsError, match=r"cannot listen on 192\.0\.2\.1:0"):
        tcp_socket("192.0.2.1", 0)
