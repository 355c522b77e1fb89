"""Which workspaces may name commands to run."""

import os
import stat

import pytest

from codetune_core.errors import SettingsError
from codetune_core.workspace import trust


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv(trust.VARIABLE, raising=False)
    return tmp_path


@pytest.fixture
def workspace(home):
    folder = home / "work" / "shop"
    (folder / "src").mkdir(parents=True)
    return folder


def test_nothing_is_trusted_at_first(workspace):
    assert not trust.is_trusted(workspace)
    assert trust.trusted_workspaces() == ()


def test_a_trusted_directory_is_trusted_with_all_below_it_and_nothing_beside_it(workspace, home):
    (home / "work" / "shopping").mkdir()
    assert trust.set_trust(workspace, trusted=True)
    assert trust.is_trusted(workspace)
    assert trust.is_trusted(workspace / "src")
    assert not trust.is_trusted(workspace.parent)
    assert not trust.is_trusted(home / "work" / "shopping")
    assert not trust.is_trusted(None)


def test_trust_can_be_taken_back(workspace):
    trust.set_trust(workspace, trusted=True)
    assert trust.set_trust(workspace, trusted=False)
    assert not trust.is_trusted(workspace)


def test_saying_it_twice_changes_nothing(workspace):
    assert trust.set_trust(workspace, trusted=True)
    assert not trust.set_trust(workspace, trusted=True)
    assert trust.trusted_workspaces() == (workspace,)


def test_a_link_to_a_trusted_directory_is_that_directory(workspace, home):
    (home / "link").symlink_to(workspace)
    trust.set_trust(home / "link", trusted=True)
    assert trust.trusted_workspaces() == (workspace,)
    assert trust.is_trusted(home / "link" / "src")


def test_a_link_inside_a_trusted_directory_does_not_spread_trust(workspace, home):
    trust.set_trust(workspace, trusted=True)
    (home / "evil").mkdir()
    (workspace / "evil").symlink_to(home / "evil")
    assert not trust.is_trusted(workspace / "evil")


@pytest.mark.parametrize(("value", "trusted"), [("1", True), ("0", False), ("", False), ("yes", False)])
def test_continuous_integration_says_it_in_the_environment(workspace, monkeypatch, value, trusted):
    monkeypatch.setenv(trust.VARIABLE, value)
    assert trust.is_trusted(workspace) is trusted


@pytest.mark.parametrize("text", ["not toml [", "workspaces = 3\n", "workspaces = [1]\n", "\udcff"])
def test_a_broken_file_trusts_nothing_and_is_not_overwritten(workspace, text):
    path = trust.trust_file()
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8", "surrogateescape")
    assert not trust.is_trusted(workspace)
    with pytest.raises(SettingsError, match=r"trusted\.toml.*(Mend|remove)"):
        trust.set_trust(workspace, trusted=True)
    assert path.read_text("utf-8", "surrogateescape") == text


def test_a_file_that_cannot_be_written_is_said(workspace, monkeypatch):
    def fail(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(SettingsError, match="Read-only file system"):
        trust.set_trust(workspace, trusted=True)


def test_the_file_is_the_users_own(workspace):
    trust.set_trust(workspace, trusted=True)
    assert stat.S_IMODE(trust.trust_file().stat().st_mode) & 0o022 == 0


def test_who_never_wants_to_be_asked_about_a_workspace_is_not_and_trust_is_another_matter(workspace):
    assert trust.asks_about(workspace)
    trust.set_trust(workspace.parent, trusted=True)
    trust.never_ask(workspace)
    assert not trust.asks_about(workspace)
    assert trust.asks_about(workspace.parent)
    assert trust.trusted_workspaces() == (workspace.parent,)
    trust.set_trust(workspace.parent, trusted=False)
    assert not trust.asks_about(workspace)


def test_where_the_file_is_broken_nobody_is_asked(workspace):
    trust.trust_file().parent.mkdir(parents=True)
    trust.trust_file().write_text("[")
    assert not trust.asks_about(workspace)
