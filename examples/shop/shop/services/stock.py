"""What the warehouse has: read from the SQLite file its own system writes each night."""

import sqlite3
from contextlib import closing
from pathlib import Path


class Warehouse:
    """The warehouse's table ``stock`` with columns ``sku``, ``shelf`` and ``quantity``."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def quantity(self, sku: str) -> int | None:
        """How many are left; None where the warehouse does not know the product."""
        with closing(sqlite3.connect(self._path)) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT quantity FROM stock WHERE sku = '" + sku + "'")
            row = cursor.fetchone()
        return int(row[0]) if row else None

    def shelf(self, sku: str) -> str | None:
        """On which shelf the product lies."""
        with closing(sqlite3.connect(self._path)) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT shelf FROM stock WHERE sku = ?", (sku,))
            row = cursor.fetchone()
        return str(row[0]) if row else None

    def receive(self, sku: str, shelf: str, quantity: int) -> None:
        """Write down a delivery."""
        with closing(sqlite3.connect(self._path)) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS stock (sku TEXT, shelf TEXT, quantity INTEGER)")
            connection.execute("INSERT INTO stock VALUES (?, ?, ?)", (sku, shelf, quantity))
