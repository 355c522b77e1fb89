"""Entries of the outbound ledger for people."""

import datetime as dt
from collections.abc import Sequence

from codetune_core.cli.formats.visible import visible
from codetune_core.outbound.ledger import Entry

_HEADS = ("id", "when (UTC)", "to", "for", "bytes", "replaced", "outcome")
_RIGHT = frozenset(("bytes", "replaced"))


def listed(entries: Sequence[Entry]) -> str:
    """Return entries as a table, a line for each."""
    rows = [_HEADS, *map(_row, entries)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = zip(_HEADS, row, widths, strict=True)
    return "  ".join(text.rjust(width) if head in _RIGHT else text.ljust(width) for head, text, width in cells).rstrip()


def _row(entry: Entry) -> tuple[str, ...]:
    what_for = "/".join(filter(None, (entry.purpose, entry.prompt))) or "-"
    return (
        entry.id,
        f"{entry.at.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S}",
        visible(entry.destination),
        visible(what_for),
        f"{entry.bytes:,}",
        str(sum(entry.replaced.values())),
        visible(entry.outcome),
    )


def shown(entry: Entry) -> str:
    """Return all that is known of an entry, a line for each thing."""
    replaced = ", ".join(f"{count} {kind}" for kind, count in sorted(entry.replaced.items()))
    told = {
        "id": entry.id,
        "when": entry.at.astimezone(dt.UTC).isoformat(sep=" ", timespec="milliseconds"),
        "to": f"{entry.method} {entry.destination}{entry.path}",
        "for": " ".join(filter(None, (entry.purpose, entry.prompt and f"(prompt {entry.prompt})"))),
        "execution": entry.execution,
        "workspace": entry.workspace,
        "bytes": f"{entry.bytes:,}",
        "sha256": entry.sha256,
        "replaced": replaced or "nothing",
        "outcome": entry.outcome,
        "answer began": "" if entry.milliseconds is None else f"after {entry.milliseconds:,.0f} ms",
    }
    return "\n".join(f"{name + ':':<14}{visible(text)}" for name, text in told.items() if text)
