"""Remembers what was read from a database for as long as nobody changes it."""

import sqlite3
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

from codetune_core.storage.url import DatabaseUrl

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class DirectReader:
    """Reads single rows of a SQLite file, which any process may have written.

    Asks through a connection of its own that never writes, in the thread that wants to know: some microseconds, against
    milliseconds for a query through a pool. Readers of SQLite's write-ahead log wait for nobody.
    """

    def __init__(self, url: DatabaseUrl) -> None:
        self._path = url.path
        self._connection: sqlite3.Connection | None = None

    def row(self, query: str, values: Sequence[str | int] = ()) -> tuple[Any, ...] | None:
        """Return the first row of a query that an index answers; None where there is none, and with PostgreSQL."""
        if self._path is None:
            return None
        try:
            if self._connection is None:
                self._connection = sqlite3.connect(self._path, timeout=0, isolation_level=None)
            found: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
        except sqlite3.Error:  # locked as a whole, or gone: who asks the database itself learns why
            return None
        return found

    def close(self) -> None:
        """Close the connection."""
        if self._connection:
            self._connection.close()
            self._connection = None


class Memo(Generic[Key, Value]):
    """Holds up to ``most`` values, each as long as its version is the same; the least recently used one goes first.

    ``version`` says of a key what changes whenever the value may, and None where that cannot be known.
    """

    def __init__(self, version: Callable[[Key], Hashable | None], most: int) -> None:
        self._version = version
        self._most = most
        self._held: OrderedDict[Key, tuple[Hashable, Value]] = OrderedDict()

    async def get(self, key: Key, read: Callable[[], Awaitable[Value]]) -> Value:
        """Return what ``read`` gave or gives."""
        version = self._version(key)  # before it is read: what is written meanwhile makes another one
        held = self._held.get(key)
        if version is not None and held is not None and held[0] == version:
            self._held.move_to_end(key)
            return held[1]
        value = await read()
        if version is not None:
            self._held[key] = version, value
            self._held.move_to_end(key)
            if len(self._held) > self._most:
                self._held.popitem(last=False)
        return value
