"""Which CodeTune runs."""

from functools import cache
from importlib.metadata import version


@cache
def own_version() -> str:
    """Return the version that is installed; reading it takes milliseconds the first time."""
    return version("codetune")
