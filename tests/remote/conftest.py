"""Databases here have the starter prompts: services find them there."""

import pytest


@pytest.fixture(scope="session")
def sqlite_template(sqlite_starters):
    return sqlite_starters


@pytest.fixture(scope="session")
def postgresql_template(postgresql_starters):
    return postgresql_starters
