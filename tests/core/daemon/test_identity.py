"""What a running service says of itself, and whether it does for another program."""

import os
from dataclasses import replace

import pytest

from codetune_core.daemon.identity import Identity, misfit, running
from codetune_core.daemon.own import are_own, own_identity, own_settings
from codetune_core.daemon.place import identity_file
from codetune_core.runtime.folder import Files, take
from codetune_core.settings import Options, resolve

OURS = Identity("1.2.0", 3, "settings", {"OPENAI_API_KEY": "a"}, 1, 0.0)


@pytest.mark.parametrize(
    ("changes", "why", "is_newer"),
    [
        ({"version": "1.1.9"}, "it was of CodeTune 1.1.9, and this is 1.2.0", False),
        ({"version": "1.2.0.dev3", "wire": 2}, "it was of CodeTune 1.2.0.dev3", False),
        ({"version": "2.0.0", "wire": 4}, "it is of CodeTune 2.0.0, and this is 1.2.0", True),
        ({"settings": "others"}, "other settings", False),
        ({"environment": {}}, "another OPENAI_API_KEY", False),
        ({"environment": {"OPENAI_API_KEY": "b"}}, "another OPENAI_API_KEY", False),
    ],
)
def test_one_that_does_not_fit_says_why(changes, why, is_newer):
    wrong = misfit(replace(OURS, **changes), OURS)
    assert wrong
    assert why in wrong.why
    assert wrong.is_newer is is_newer


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"version": "1.3.0"},
        {"version": "1.10.0"},
        {"environment": {"OPENAI_API_KEY": "a", "HF_TOKEN": "b"}},
        {"pid": 7, "started_at": 5.0},
    ],
)
def test_a_newer_one_and_one_with_more_keys_do_so_that_two_programs_never_take_turns(changes):
    assert misfit(replace(OURS, **changes), OURS) is None
    assert changes == {} or misfit(OURS, OURS) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"version": "1"}', "\xff", '"x"'])
def test_what_cannot_be_understood_is_nothing(tmp_path, text):
    (tmp_path / "x.json").write_bytes(text.encode("latin-1"))
    assert Identity.read(tmp_path / "x.json") is None
    assert Identity.read(tmp_path / "nowhere.json") is None


def test_what_is_written_is_read_again_also_by_who_knows_less(tmp_path):
    path = tmp_path / "x.json"
    OURS.write(path)
    path.write_text(path.read_text().replace("{", '{"added_later": 1, ', 1))
    assert Identity.read(path) == OURS


def test_a_dead_process_runs_nothing_whatever_its_file_says(tmp_path):
    files = Files(tmp_path, "daemon")
    replace(OURS, pid=os.getpid()).write(identity_file(files.socket))
    assert running(files) is None
    lock = take(files.lock)
    os.write(lock, str(os.getpid()).encode())
    assert running(files) == replace(OURS, pid=os.getpid())
    os.pwrite(lock, b"1", 0)
    os.ftruncate(lock, 1)
    assert running(files) is None
    os.close(lock)


def test_only_what_decides_how_executions_run_counts(somebody, monkeypatch):
    def digest():
        return own_identity(own_settings().settings)

    first = digest()
    assert "OPENAI_API_KEY" not in first.environment
    somebody.scripted(rules={"ignore": ["S101"]})
    assert misfit(first, digest()) is None
    somebody.scripted(cache={"enabled": False})
    assert misfit(first, digest())
    somebody.scripted()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-of-mine")
    assert misfit(first, digest()).why == "it was started with another OPENAI_API_KEY"
    assert "secret" not in str(digest())
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("CODETUNE_DATABASE_URL", "sqlite:////elsewhere.db")
    assert "other settings" in misfit(first, digest()).why


def test_the_key_of_a_team_s_service_counts(somebody, monkeypatch):
    without = own_identity(own_settings().settings)
    monkeypatch.setenv("CODETUNE_REMOTE_KEY", "ctk_of_mine")
    wrong = misfit(without, own_identity(own_settings().settings))
    assert wrong.why == "it was started with another CODETUNE_REMOTE_KEY"


def test_a_variable_that_the_settings_name_for_a_key_counts(somebody, monkeypatch):
    somebody.configure(engine={"name": "openai", "base_url": "http://127.0.0.1:1/v1", "key_env": "MY_KEY"})
    without = own_identity(own_settings().settings)
    monkeypatch.setenv("MY_KEY", "mine")
    assert misfit(without, own_identity(own_settings().settings)).why == "it was started with another MY_KEY"


def test_settings_of_a_command_line_are_not_the_user_s_own(somebody):
    own = own_settings().settings
    assert are_own(own)
    other = resolve([Options("command line", {"engine": {"name": "none"}})]).settings
    assert not are_own(other)
