"""A service, and an administrator who asks it."""

import pytest
from api_client import Api
from serving import on_socket, running, settings_for


@pytest.fixture
def settings(sqlite_url, tmp_path):
    return settings_for(tmp_path, sqlite_url)


@pytest.fixture
async def service(settings):
    async with running(settings) as service:
        yield service


@pytest.fixture
async def admin(service, tmp_path):
    """The owner of the socket, who may do everything."""
    async with on_socket(service, tmp_path / "s") as client:
        yield Api(client)
