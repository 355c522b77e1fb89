"""Databases of PostgreSQL with the starter prompts, which are installed once and copied."""

import asyncio

import pytest
from serving import settings_for

from codetune_core.bootstrap.core import open_core


@pytest.fixture(scope="session")
def postgresql_starters(postgresql, postgresql_template, tmp_path_factory):
    """Name of a database with the starter prompts, to be copied."""
    url = postgresql.create(postgresql_template)
    asyncio.run(_opened_once(settings_for(tmp_path_factory.mktemp("starters"), url)))
    return url.partition("@/")[2].partition("?")[0]


@pytest.fixture
def starters_url(postgresql, postgresql_starters):
    """URL of a fresh PostgreSQL database with the starter prompts."""
    url = postgresql.create(postgresql_starters)
    yield url
    postgresql.drop(url)


async def _opened_once(settings):
    async with open_core(settings):
        pass
