"""``codetune keys``: a key is kept, its source is told, and it is never shown."""

import json

import pytest

pytestmark = pytest.mark.usefixtures("ring")


def listed(run) -> dict[str, str]:
    return json.loads(run("keys", "list", "--format", "json").stdout)


def test_a_key_is_kept_listed_and_removed(run, ring):
    assert listed(run)["openai"] == "no key"
    kept = run("keys", "set", "openai", text="sk-secret\n")
    assert (kept.exit_code, kept.stdout) == (0, "kept for openai https://api.openai.com\n")
    assert list(ring.held().values()) == ["sk-secret"]
    assert listed(run)["openai"] == "the keyring, for openai https://api.openai.com"
    assert run("keys", "remove", "openai").stdout == "forgotten for openai https://api.openai.com\n"
    assert run("keys", "remove", "openai").stdout == "there was none for openai https://api.openai.com\n"


def test_no_command_shows_a_key(run):
    outputs = [
        run("keys", "set", "openai", text="sk-secret\n"),
        run("keys", "list"),
        run("keys", "set", "openai", text="sk secret two\n"),
        run("keys", "remove", "openai"),
    ]
    assert not any("secret" in result.output for result in outputs)


def test_an_engine_of_ones_own_has_its_own_key(run, ring, tmp_path):
    own = tmp_path / "home" / "codetune" / "codetune.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[engines.team]\nname = "openai"\nbase_url = "https://vllm.example.com/v1"\n')
    run("keys", "set", "team", text="sk-team\n")
    assert ring.held() == {"codetune openai https://vllm.example.com": "sk-team"}
    assert listed(run)["team"] == "the keyring, for openai https://vllm.example.com"
    assert listed(run)["openai"] == "no key"


def test_the_service_of_a_team_has_its_own_key(run, ring, tmp_path):
    assert "remote" not in listed(run)
    assert "set its base_url" in run("keys", "set", "remote", text="ctk_1\n").stderr
    own = tmp_path / "home" / "codetune" / "codetune.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[remote]\nbase_url = "https://team-codetune.hf.space"\n')
    run("keys", "set", "remote", text="ctk_1_secret\n")
    assert ring.held() == {"codetune remote https://team-codetune.hf.space": "ctk_1_secret"}
    assert listed(run)["remote"] == "the keyring, for remote https://team-codetune.hf.space"


@pytest.mark.parametrize("command", [["set"], ["remove"]])
def test_an_engine_that_is_not_there_is_said(run, command):
    result = run("keys", *command, "opnai", text="sk-1\n")
    assert result.exit_code == 2
    assert "there is no engine opnai; there are" in result.output


@pytest.mark.parametrize("engine", ["scripted", "auto", "fallback", "transformers"])
def test_an_engine_that_asks_no_server_keeps_no_key(run, ring, engine):
    result = run("keys", "set", engine, text="sk-1\n")
    assert (result.exit_code, ring.held()) == (2, {})
    assert f"{engine} asks no server" in result.output


@pytest.mark.parametrize("text", ["", "\n", "two words\n"])
def test_what_is_no_key_is_not_kept(run, ring, text):
    result = run("keys", "set", "openai", text=text)
    assert result.exit_code == 2
    assert "is no key" in result.output
    assert ring.held() == {}


def test_a_source_that_fails_is_told_in_the_list(run, tmp_path):
    own = tmp_path / "home" / "codetune" / "codetune.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[engines.team]\nname = "openai"\nkey_env = "NOT_SET"\n')
    assert "the environment variable NOT_SET is not set" in run("keys", "list").stdout
