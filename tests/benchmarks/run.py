"""Measure the budgets, print the table, write ``benchmarks/results.json`` and ``docs/performance.md``."""

import asyncio
import json
import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil
from measures import ALL, Row
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "performance.md"
VERSIONS = (
    "codetune", "pygls", "lsprotocol", "ruff", "bandit", "libcst", "detect-secrets", "pydantic", "torch",
    "transformers", "bitsandbytes", "llguidance",
)  # fmt: skip


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    cpu = next(
        (line.partition(":")[2].strip() for line in _cpu_info() if line.startswith("model name")), platform.processor()
    )
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in VERSIONS},
        "date": datetime.now(UTC).date().isoformat(),
    }


def _cpu_info() -> list[str]:
    info = Path("/proc/cpuinfo")
    return info.read_text().splitlines() if info.exists() else []


def cells(row: Row) -> list[str]:
    """A row as it is shown."""
    budget = "" if row.budget is None else f"<= {row.budget:g}" + ("x" if row.ratio is not None else f" {row.unit}")
    return [
        row.name,
        f"{row.ours:.4g} {row.unit}",
        f"{row.peer:.4g} {row.unit} ({row.peer_name})" if row.peer else "",
        f"{row.ratio:.3g}x" if row.ratio is not None else "",
        budget,
        {True: "kept", False: "MISSED", None: ""}[row.within],
    ]


HEADS = ["what", "CodeTune", "peer", "ratio", "budget", ""]


def show(rows: list[Row]) -> None:
    """Print the table."""
    table = Table(*HEADS)
    for row in rows:
        table.add_row(*cells(row))
    Console().print(table)


def write(rows: list[Row], section: str = "results") -> None:
    """Write the figures, and the section of the page that shows them; other sections stay."""
    facts = machine()
    entries = [vars(row) | {"ratio": row.ratio, "within": row.within} for row in rows]
    RESULTS.parent.mkdir(exist_ok=True)
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    found = {"machine": facts, "rows": entries}
    RESULTS.write_text(json.dumps(known | (found if section == "results" else {section: found}), indent=2) + "\n")
    lines = ["| " + " | ".join(line) + " |" for line in (HEADS, ["---"] * len(HEADS), *map(cells, rows))]
    where = (
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, Python {facts['python']}, {facts['date']}"
    )
    begin, end = f"<!-- {section} -->", f"<!-- end of {section} -->"
    before, _, rest = PAGE.read_text().partition(begin)
    after = rest.partition(end)[2]
    PAGE.write_text(f"{before}{begin}\n{where}\n\n" + "\n".join(lines) + f"\n{end}{after}")


async def main() -> int:
    """Run every measure; 1 where a budget is missed."""
    rows = []
    for measure in ALL:
        print(f"{measure.__name__} ...", file=sys.stderr, flush=True)
        rows += await measure()
    show(rows)
    write(rows)
    return int(any(row.within is False for row in rows))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
