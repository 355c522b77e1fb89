"""Remembers what was read from a database for as long as nobody writes to it."""

import sqlite3
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from codetune_core.storage.url import DatabaseUrl

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Writes:
    """Tells whether anybody, in this process or another, has written to a SQLite file.

    Asks for SQLite's ``data_version``, through a connection of its own that never writes: some microseconds, against
    half a millisecond and a thread for a query.
    """

    def __init__(self, url: DatabaseUrl) -> None:
        self._path = url.path
        self._connection: sqlite3.Connection | None = None

    def seen(self) -> int | None:
        """Return a number that changes with each write; None where that cannot be known, as with PostgreSQL."""
        if self._path is None:
            return None
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(self._path, timeout=0, isolation_level=None)
            number: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:  # locked as a whole, or gone: who asks the database itself learns why
            return None
        return number

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            self._connection.close()
            self._connection = None


class Memo(Generic[Key, Value]):
    """Holds up to ``most`` values, and reads them again after any write; the least recently used one goes first."""

    def __init__(self, writes: Writes, most: int) -> None:
        self._writes = writes
        self._most = most
        self._version: int | None = None
        self._held: OrderedDict[Key, Value] = OrderedDict()

    async def get(self, key: Key, read: Callable[[], Awaitable[Value]]) -> Value:
        """Return what ``read`` gave or gives."""
        version = self._writes.seen()
        if version is None or version != self._version:
            self._held.clear()
            self._version = version
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        value = await read()
        if version is not None and version == self._version:  # else it may be older than what others read since
            self._held[key] = value
            if len(self._held) > self._most:
                self._held.popitem(last=False)
        return value
