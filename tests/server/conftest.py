"""Gives the tests the client that speaks raw bytes."""

import importlib.util
import shutil
import sys
from pathlib import Path

import daemons
import pytest


def _load(name: str):
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def raw_client():
    """The module ``raw_client``."""
    return _load("raw_client")


@pytest.fixture(scope="session")
def editors():
    """The module ``editor``."""
    return _load("editor")


@pytest.fixture
async def start_editor(editors, tmp_path):
    """Starts editors, each with a server of its own, that end with the test."""
    started = []

    async def start(name="vscode", *roots, **options):
        for root in roots:
            root.mkdir(parents=True, exist_ok=True)
        editor = editors.Editor(name, roots or (tmp_path,), **options)
        started.append(editor)
        return await editor.start()

    yield start
    for editor in started:
        await editor.stop()


@pytest.fixture(scope="module")
def user(request, sqlite_starters, tmp_path_factory):
    """Somebody whose daemon answers by the module's SCRIPT, and ends with the module."""
    database = shutil.copy(sqlite_starters, tmp_path_factory.mktemp("user") / "codetune.db")
    with pytest.MonkeyPatch.context() as patch, daemons.user(f"sqlite:///{database}", patch) as somebody:
        somebody.scripted(request.module.SCRIPT)
        yield somebody
