"""The Hub on this machine, and ``codetune space`` that asks it."""

import zipfile

import pytest
from click.testing import CliRunner
from huggingface_hub import close_session, constants
from space_hub import space_hub

from codetune_core.cli.main import main
from codetune_core.cli.space import waiting


@pytest.fixture(scope="module")
def one_hub():
    with space_hub() as hub:
        yield hub
    close_session()


@pytest.fixture
def hub(one_hub, monkeypatch):
    """A Hub without Spaces, and a token for it."""
    fresh = type(one_hub)()
    fresh.url = one_hub.url
    one_hub.__dict__.update({key: value for key, value in vars(fresh).items() if key != "url"})
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    monkeypatch.setattr(waiting, "_PAUSE", 0)
    monkeypatch.setenv("HF_ENDPOINT", one_hub.url)
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_deployer")
    monkeypatch.setenv("CODETUNE_ADMIN_KEY_SHA256", "5" * 64)
    return one_hub


@pytest.fixture
def wheel(tmp_path):
    """What stands for the wheel: nobody installs it."""
    path = tmp_path / "codetune-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("codetune_core/__init__.py", "")
    return path


@pytest.fixture
def space(tmp_path, monkeypatch):
    """Run ``codetune space`` with arguments."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    return lambda *arguments: CliRunner().invoke(main, ["space", *map(str, arguments)])
