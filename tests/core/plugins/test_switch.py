"""Plugins are switched in the user's own file, which stays as it is beside that."""

import tomllib

import pytest

from codetune_core.errors import SettingsError
from codetune_core.plugins.discover import Found
from codetune_core.plugins.environment import environment
from codetune_core.plugins.metadata import Kind, ToolMetadata
from codetune_core.plugins.switch import switch

WRITTEN = """# mine
fail_on = "high"   # strict

[plugins]
timeout_seconds = 5
disabled = [
    "old",  # slow
]

[detectors.sarif.bandit]
command = ["bandit"]
"""


@pytest.fixture
def file(tmp_path, monkeypatch):
    """The user's codetune.toml, which is not there yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "codetune" / "codetune.toml"


def plugin(name="it", kind=Kind.TOOL) -> Found:
    return Found(ToolMetadata(name=name), kind, "here")


def put(file, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)


def test_a_file_is_made_where_there_is_none(file):
    assert switch(plugin(), on=False)
    assert tomllib.loads(file.read_text()) == {"plugins": {"disabled": ["it"]}}
    assert not switch(plugin(), on=False)
    assert switch(plugin(), on=True)
    assert tomllib.loads(file.read_text()) == {"plugins": {"disabled": []}}
    assert not switch(plugin(), on=True)


def test_comments_order_and_everything_else_stay(file):
    put(file, WRITTEN)
    assert switch(plugin(), on=False)
    assert switch(plugin("ruff", Kind.DETECTOR), on=False)
    text = file.read_text()
    for part in ("# mine\n", 'fail_on = "high"   # strict\n', '"old",  # slow\n', 'command = ["bandit"]\n'):
        assert part in text
    values = tomllib.loads(text)
    assert values["plugins"] == {"timeout_seconds": 5, "disabled": ["old", "it"]}
    assert values["detectors"] == {"sarif": {"bandit": {"command": ["bandit"]}}, "disabled": ["ruff"]}
    assert switch(plugin("old"), on=True)
    assert tomllib.loads(file.read_text())["plugins"]["disabled"] == ["it"]


@pytest.mark.parametrize(
    "text", ["plugins = 3", "[plugins]\ndisabled = 'it'", "[plugins", "plugins.disabled = 7", "\udcff"]
)
def test_a_file_that_cannot_be_changed_is_left_as_it_is(file, text):
    put(file, "")
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    before = file.read_bytes()
    with pytest.raises(SettingsError, match=r"cannot be changed: .*Set plugins\.disabled in it yourself"):
        switch(plugin("x"), on=False)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("capabilities", "names"),
    [
        ((), {"PATH", "HOME"}),
        (("network",), {"PATH", "HOME", "SSL_CERT_FILE", "NO_PROXY"}),
        (("files",), {"PATH", "HOME", "HF_HOME"}),
    ],
)
def test_a_process_gets_what_it_declares_and_no_secret(tmp_path, capabilities, names):
    of = {
        "PATH": "/bin", "HOME": "/home/ada", "SSL_CERT_FILE": "/ca.pem", "HTTPS_PROXY": "http://ada:pw@proxy",
        "NO_PROXY": "localhost", "HF_HOME": "/hf", "HF_TOKEN": "hf_x", "OPENAI_API_KEY": "sk", "PYTHONPATH": "/x",
    }  # fmt: skip
    made = environment(capabilities, tmp_path, of)
    assert made.keys() & of.keys() == names
    assert made["HOME"] == ("/home/ada" if "files" in capabilities else str(tmp_path))
    assert made["TMPDIR"] == str(tmp_path)
