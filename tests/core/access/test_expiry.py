"""Until when a key is wanted, as people write it."""

import datetime as dt

import pytest

from codetune_core.access.expiry import parse_expiry
from codetune_core.errors import AccessError

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("90d", NOW + dt.timedelta(days=90)),
        ("1d", NOW + dt.timedelta(days=1)),
        ("2027-01-01", dt.datetime(2027, 1, 1, tzinfo=dt.UTC)),
        ("2026-03-02", dt.datetime(2026, 3, 2, tzinfo=dt.UTC)),
        ("never", None),
    ],
)
def test_a_time_is_read(text, ends):
    assert parse_expiry(text, NOW) == ends


@pytest.mark.parametrize(
    "text", ["", "soon", "-1d", "1.5d", "99999999d", "2027-13-01", "01/01/2027", "NEVER", "\u0661d"]
)
def test_what_is_no_time_is_said_with_what_to_write(text):
    with pytest.raises(AccessError, match="write 90d, 2027-01-01 or never"):
        parse_expiry(text, NOW)


@pytest.mark.parametrize("text", ["0d", "2026-03-01", "1999-01-01"])
def test_a_time_that_is_over_makes_no_key(text):
    with pytest.raises(AccessError, match="over before it is used"):
        parse_expiry(text, NOW)


def test_days_beyond_the_calendar_are_no_time():
    with pytest.raises(AccessError):
        parse_expiry("99999d", dt.datetime(9990, 1, 1, tzinfo=dt.UTC))
