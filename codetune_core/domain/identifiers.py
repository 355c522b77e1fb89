"""Identifiers of rows: time-ordered and unique without a database."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Version 7 of RFC 9562: the first 48 bits are Unix milliseconds, and ids made in one process ascend."""
    return uuid7()
