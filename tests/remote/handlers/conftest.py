"""A service with the starter prompts, which are installed once and copied; an administrator who asks it."""

import asyncio
import shutil

import pytest
from api_client import Api
from serving import on_socket, running, settings_for

from codetune_core.bootstrap.core import open_core


async def opened_once(settings):
    async with open_core(settings):
        pass


@pytest.fixture(scope="session")
def starter_template(sqlite_template, tmp_path_factory):
    """A file with the starter prompts."""
    folder = tmp_path_factory.mktemp("starters")
    path = folder / "codetune.db"
    shutil.copy(sqlite_template, path)
    asyncio.run(opened_once(settings_for(folder, f"sqlite:///{path}")))
    return path


@pytest.fixture
def starter_url(starter_template, tmp_path):
    """URL of a fresh SQLite database with the starter prompts."""
    path = tmp_path / "starters.db"
    shutil.copy(starter_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(starters_url):
    """What a test needs of a fresh database here, it finds in one with the starter prompts."""
    return starters_url


@pytest.fixture
def sqlite_url(starter_url):
    """The same of SQLite."""
    return starter_url


@pytest.fixture
def settings(starter_url, tmp_path):
    return settings_for(tmp_path, starter_url)


@pytest.fixture
async def service(settings):
    async with running(settings) as service:
        yield service


@pytest.fixture
async def admin(service, tmp_path):
    """The owner of the socket, who may do everything."""
    async with on_socket(service, tmp_path / "s") as client:
        yield Api(client)
