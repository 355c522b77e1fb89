"""A directory to work in, apart from the settings and the servers of whoever runs the tests."""

import asyncio

import pytest
from click.testing import CliRunner

from codetune_core.cli.main import main
from codetune_core.storage.database import Database
from codetune_core.storage.history_store import SqlHistoryStore
from codetune_core.storage.url import parse_url
from codetune_core.workspace.trust import VARIABLE


@pytest.fixture(scope="session")
def sqlite_template(sqlite_starters):
    return sqlite_starters


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """An empty repository, which is also the working directory."""
    root = tmp_path / "work"
    (root / ".git").mkdir(parents=True)
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr("codetune_core.engines.local_servers.USUAL_PORTS", {})
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def run(workspace):
    """Run ``codetune`` with arguments, in this process (its workers are real ones)."""
    return lambda *arguments, text=None: CliRunner().invoke(main, [str(part) for part in arguments], input=text)


@pytest.fixture
def recorded(sqlite_url):
    """Record executions in the fresh database."""

    def record(*executions):
        async def work():
            async with Database(parse_url(sqlite_url)) as database:
                for execution in executions:
                    await SqlHistoryStore(database).end(execution)

        asyncio.run(work())
        return executions

    return record
