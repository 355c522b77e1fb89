"""Ends the detectors that the checks of the fixes started."""

import pytest

from tests.core.fixes.checks import bench


@pytest.fixture(scope="session", autouse=True)
def _close_bench():
    yield
    if bench.cache_info().currsize:
        bench().close()
