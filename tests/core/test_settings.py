"""What is written in several places becomes what holds; mistakes are named and cost nothing else."""

import pytest

from codetune_core.domain.finding import Severity
from codetune_core.settings import Options, Settings, read_options, resolve


def check(*values: dict, trusted: bool = True):
    resolved = resolve(Options(f"source {number}", value, trusted=trusted) for number, value in enumerate(values))
    return resolved.settings, [notice.text for notice in resolved.notices]


def test_nothing_written_means_the_defaults():
    assert check() == (Settings(), [])


def test_the_later_source_wins_key_by_key():
    settings, notices = check(
        {"files": {"max_kilobytes": 5, "exclude": ["a"]}, "rules": {"severity": {"S101": "low", "S105": "low"}}},
        {"files": {"max_kilobytes": 7}, "rules": {"severity": {"S101": "high"}}},
    )
    assert settings.files.max_kilobytes == 7
    assert settings.files.exclude == ("a",)
    assert settings.rules.severity == {"S101": Severity.HIGH, "S105": Severity.LOW}
    assert notices == []


@pytest.mark.parametrize("key", ["max_kilobytes", "max-kilobytes", "maxKilobytes"])
def test_every_spelling_of_a_name_is_understood(key):
    assert check({"files": {key: 9}})[0].files.max_kilobytes == 9


@pytest.mark.parametrize(
    ("written", "near"),
    [
        ({"file": {}}, "files"),
        ({"files": {"max_kilobyte": 1}}, "max_kilobytes"),
        ({"rules": {"ignores": []}}, "ignore"),
        ({"editor": {"codeLenses": True}}, "code_lens"),
        ({"detectors": {"sarif": {"bandit": {"command": ["x"], "timeout": 3}}}}, "timeout_seconds"),
    ],
)
def test_an_unknown_name_is_said_once_with_the_nearest_right_one(written, near):
    notices = check(written)[1]
    assert len(notices) == 1
    assert notices[0].endswith(f"did you mean `{near}`?")


def test_an_unknown_name_unlike_any_other_gets_no_guess():
    assert check({"zzz": 1})[1] == ["source 0: unknown setting `zzz`"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"files": {"max_kilobytes": "many"}},
        {"files": {"max_kilobytes": -1}},
        {"files": 3},
        {"rules": {"severity": {"S101": "awful"}}},
        {"rules": {"ignore": [1, {}]}},
        {"fail_on": "sometimes"},
        {"editor": {"review_on": "never"}},
        {"detectors": {"sarif": {"x": {"command": []}}}},
        {"detectors": {"sarif": {"x": 3}}},
        {"baseline": ["a"]},
    ],
)
def test_a_wrong_value_is_left_out_and_said_and_the_rest_holds(wrong):
    settings, notices = check({"files": {"exclude": ["kept"]}} if "files" not in wrong else {}, wrong)
    assert notices
    assert all("source 1" in notice or "source 0" in notice for notice in notices)
    assert settings == (Settings() if "files" in wrong else Settings.model_validate({"files": {"exclude": ["kept"]}}))


@pytest.mark.parametrize("text", ["true", "True", "on", "1"])
def test_a_boolean_written_as_a_string_is_understood(text):
    assert check({"editor": {"code_lens": text}})[0].editor.code_lens is True


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"storage": {"database_url": "postgresql://thief.example/x"}}, "storage"),
        ({"engine": {"name": "openai", "model": "x"}}, "engine"),
        ({"cache": {"sampled": True}}, "cache"),
        ({"history": {"content_days": 9999}}, "history"),
        ({"budget": {"per_day_usd": 1000000}}, "budget"),
    ],
)
def test_a_workspace_that_is_not_trusted_cannot_say_where_code_goes_or_what_it_may_cost(values, name):
    resolved = resolve([Options("/shop/codetune.toml", values, trusted=False)])
    assert resolved.settings == Settings()
    (notice,) = resolved.notices
    assert f"{name} is not used, because" in notice.text
    assert "codetune trust /shop" in notice.text
    trusted = resolve([Options("/shop/codetune.toml", values)])
    assert trusted.settings != Settings()
    assert trusted.notices == ()


def test_a_workspace_that_is_not_trusted_cannot_name_commands():
    settings, notices = check(
        {"detectors": {"sarif": {"x": {"command": ["rm", "-rf"]}}, "disabled": ["secrets"]}}, trusted=False
    )
    assert settings.detectors.sarif == {}
    assert settings.detectors.disabled == ("secrets",)
    assert "codetune trust" in notices[0]


@pytest.mark.parametrize("spelling", ["detectors", "Detectors", "DETECTORS"])
def test_no_spelling_smuggles_a_command_past_trust(spelling):
    settings, _ = check(
        {spelling: {"sarif": {"x": {"command": ["evil"]}}}},
        {spelling: {"Sarif": {"y": {"command": ["e"]}}}},
        trusted=False,
    )
    assert settings.detectors.sarif == {}


def test_files_are_read_in_the_order_of_precedence(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    (home / "codetune.toml").write_text("fail_on = 'high'\nbaseline = 'user.toml'\n")
    (tmp_path / "pyproject.toml").write_text(
        "[tool.codetune]\nfail_on = 'medium'\n[tool.codetune.files]\nmax_kilobytes = 3\n"
    )
    (tmp_path / "codetune.toml").write_text("[files]\nmax_kilobytes = 4\n")
    monkeypatch.setattr("codetune_core.settings.user_config_path", lambda name: home)
    options, notices = read_options(tmp_path, trusted=False)
    settings = resolve(options).settings
    assert (settings.baseline, settings.fail_on, settings.files.max_kilobytes) == ("user.toml", Severity.MEDIUM, 4)
    assert notices == []


@pytest.mark.parametrize("content", [b"= broken", b"\xff\xfe", b"a = 1\na = 2\n"])
def test_a_file_that_is_not_toml_is_said_and_left_out(tmp_path, monkeypatch, content):
    monkeypatch.setattr("codetune_core.settings.user_config_path", lambda name: tmp_path / "none")
    (tmp_path / "codetune.toml").write_bytes(content)
    options, notices = read_options(tmp_path, trusted=True)
    assert options == []
    assert str(tmp_path / "codetune.toml") in notices[0].text


@pytest.mark.parametrize(
    "content", ["[tool]\ncodetune = 3\n", "tool = 3\n", "[tool.codetune]\n", "[project]\nname='x'\n"]
)
def test_a_pyproject_without_our_table_says_nothing(tmp_path, monkeypatch, content):
    monkeypatch.setattr("codetune_core.settings.user_config_path", lambda name: tmp_path / "none")
    (tmp_path / "pyproject.toml").write_text(content)
    options, _ = read_options(tmp_path, trusted=True)
    assert resolve(options).settings == Settings()


def test_equal_settings_have_equal_keys():
    assert check({"fail_on": "high"})[0].key == check({"fail_on": "high"})[0].key != Settings().key
