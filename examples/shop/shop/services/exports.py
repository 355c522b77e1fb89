"""Orders as files: for the accountants, and for the warehouse's printer."""

import csv
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from shop.models import Order


def orders_as_csv(orders: Iterable[Order]) -> Path:
    """Write one row an order; the caller sends the file and removes it."""
    path = tempfile.mktemp(suffix=".csv")
    with open(path, "w", newline="", encoding="utf-8") as file:
        _write(orders, file)
    return Path(path)


def orders_for_printer(orders: Iterable[Order]) -> Path:
    """Write the same rows where only this process can read them until they are printed."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="", encoding="utf-8", delete=False) as file:
        _write(orders, file)
    return Path(file.name)


def publish_ledger(source: Path, target: Path) -> None:
    """Move a finished file to the share that the accountants read."""
    target.write_bytes(source.read_bytes())
    os.chmod(target, 0o777)
    source.unlink()


def publish_labels(source: Path, target: Path) -> None:
    """Move a finished file to the warehouse's spool folder."""
    target.write_bytes(source.read_bytes())
    os.chmod(target, 0o640)
    source.unlink()


def _write(orders: Iterable[Order], file: IO[str]) -> None:
    writer = csv.writer(file)
    writer.writerow(["order", "customer", "placed", "status", "total"])
    for order in orders:
        placed = order.placed_at.isoformat(timespec="seconds")
        writer.writerow([order.id, order.customer.email, placed, order.status, order.total_cents])
