"""Reads until when a key is wanted: ``90d``, ``2027-01-01`` or ``never``."""

import datetime as dt
import re

from codetune_core.errors import AccessError

USUAL_EXPIRY = "90d"
_DAYS = re.compile(r"([0-9]{1,5})d")


def parse_expiry(text: str, now: dt.datetime) -> dt.datetime | None:
    """Return when it ends, None for never: so many days from now, or as a day of UTC begins. Raises AccessError."""
    if text == "never":
        return None
    try:
        if days := _DAYS.fullmatch(text):
            ends = now + dt.timedelta(days=int(days[1]))
        else:
            ends = dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), dt.UTC)
    except (ValueError, OverflowError) as error:
        raise AccessError(f"{text!r} is no time to expire: write 90d, 2027-01-01 or never") from error
    if ends <= now:
        raise AccessError(f"a key that expires at {text!r} is over before it is used")
    return ends
