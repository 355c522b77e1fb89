"""The clock that records are stamped by."""

import datetime as dt
from collections.abc import Callable

Clock = Callable[[], dt.datetime]
"""Says what time it is, in UTC."""


def utc_now() -> dt.datetime:
    """The machine's clock."""
    return dt.datetime.now(dt.UTC)
