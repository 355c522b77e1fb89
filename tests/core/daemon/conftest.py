"""A user of their own for each test."""

import shutil

import daemons
import pytest


@pytest.fixture(scope="session")
def sqlite_template(sqlite_starters):
    return sqlite_starters


@pytest.fixture(scope="module")
def served(sqlite_template, tmp_path_factory):
    """A user whose programs share one daemon over a module's tests."""
    path = tmp_path_factory.mktemp("served") / "codetune.db"
    shutil.copy(sqlite_template, path)
    with pytest.MonkeyPatch.context() as patch, daemons.user(f"sqlite:///{path}", patch) as user:
        user.scripted()
        yield user
