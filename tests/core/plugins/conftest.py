"""A folder of plugins, and hosts that are closed."""

import asyncio

import pytest
from plugin_files import host_of


@pytest.fixture
def folder(tmp_path):
    """The user's plugin folder."""
    made = tmp_path / "plugins"
    made.mkdir()
    return made


@pytest.fixture
async def host(folder):
    """Make a host of the folder; it is closed in the end, and leaves no task behind."""
    hosts = []

    def make(**options):
        hosts.append(host_of(folder, **options))
        return hosts[-1]

    yield make
    for each in hosts:
        await each.aclose()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
