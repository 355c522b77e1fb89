"""Measure the list, the search and the statistics of a history of 1,000,000 executions on both databases.

Writes the query plans to ``benchmarks/history-plans.md``, beside the figures.
"""

import asyncio
import datetime as dt
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from databases import PROGRAMS, postgresql_server
from history_rows import BEGAN, SPAN, fill, prompt_id
from measures import Row
from query_plans import plans
from run import show, write

from codetune_core.history.protocol import Filter
from codetune_core.storage.database import Database
from codetune_core.storage.history_store import SqlHistoryStore
from codetune_core.storage.url import DatabaseUrl, parse_url

ROWS = 1_000_000
TURNS = 40
BUDGET_MS = 100
PLANS = Path(__file__).parents[2] / "benchmarks" / "history-plans.md"
END = BEGAN + SPAN

Question = Callable[[SqlHistoryStore], Awaitable[Sequence[Any]]]


async def questions(store: SqlHistoryStore) -> dict[str, Question]:
    """What people ask, by what it is called in the table."""
    middle = (await store.page(Filter(until=BEGAN + SPAN / 2), limit=1))[0].id
    mine, other = prompt_id(3), prompt_id(11)
    return {
        "list, newest": lambda store: store.page(Filter()),
        "list, half-way down": lambda store: store.page(Filter(), middle),
        "list of a prompt": lambda store: store.page(Filter(prompt_id=mine)),
        "list of a prompt, half-way down": lambda store: store.page(Filter(prompt_id=mine), middle),
        "list of a prompt and a user": lambda store: store.page(Filter(prompt_id=mine, user_id="user00")),
        "list of failures": lambda store: store.page(Filter(success=False)),
        "list of an old month": lambda store: store.page(Filter(since=BEGAN, until=BEGAN + dt.timedelta(days=30))),
        "search, rare word": lambda store: store.page(Filter(text="zebra")),
        "search, word in every third": lambda store: store.page(Filter(text="return")),
        "search, two words": lambda store: store.page(Filter(text="return value")),
        "search, frequent and rare word": lambda store: store.page(Filter(text="return zebra")),
        "search, word that is nowhere": lambda store: store.page(Filter(text="nowherefound")),
        "search, frequent word, half-way down": lambda store: store.page(Filter(text="return"), middle),
        "search, frequent word in a prompt": lambda store: store.page(Filter(text="return", prompt_id=other)),
        "search, rare word in a prompt": lambda store: store.page(Filter(text="zebra", prompt_id=other)),
        "statistics by prompt": lambda store: store.statistics("prompt"),
        "statistics by version": lambda store: store.statistics("version"),
        "statistics by model": lambda store: store.statistics("model"),
        "statistics by model, 30 days": lambda store: store.statistics("model", END - dt.timedelta(days=30)),
    }


async def measured(database: Database) -> tuple[list[Row], str]:
    """Rows of the table, and the plans of all queries behind them as Markdown."""
    store, kind = SqlHistoryStore(database), database.url.dialect
    rows, page = [], f"## {'SQLite' if kind == 'sqlite' else 'PostgreSQL'}\n"
    for name, ask in (await questions(store)).items():
        times = sorted([await _milliseconds(ask, store) for _ in range(TURNS)])
        typical, worst = statistics.median(times), times[int(0.95 * TURNS) - 1]
        print(f"  {kind}: {name}: p50 {typical:.1f} ms, p95 {worst:.1f} ms", file=sys.stderr, flush=True)
        rows.append(Row(f"{name} ({kind}), median", "ms", typical, budget=BUDGET_MS))
        rows.append(Row(f"{name} ({kind}), 95th percentile", "ms", worst, budget=BUDGET_MS))
        page += f"\n### {name}\n\np50 {typical:.1f} ms, p95 {worst:.1f} ms\n"
        for statement, plan in await plans(database, lambda ask=ask: ask(store)):
            page += f"\n```sql\n{statement}\n```\n\n```\n{plan}\n```\n"
    return rows, page


async def _milliseconds(ask: Question, store: SqlHistoryStore) -> float:
    begun = time.perf_counter()
    await ask(store)
    return (time.perf_counter() - begun) * 1000


@asynccontextmanager
async def filled(url: DatabaseUrl, count: int) -> AsyncIterator[Database]:
    """A database with a history."""
    print(f"  {url.dialect}: writing {count:,} executions ...", file=sys.stderr, flush=True)
    await fill(url, count)
    async with Database(url) as database:
        yield database


async def history(count: int) -> list[Row]:
    """List, search and statistics of a large history, in the median and at the 95th percentile."""
    rows, pages = [], []
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        urls = [parse_url(f"sqlite:///{folder}/history.db")]
        if PROGRAMS is not None:
            server = stack.enter_context(postgresql_server())
            urls.append(parse_url(await asyncio.to_thread(server.create)))
        for url in urls:
            async with filled(url, count) as database:
                some, page = await measured(database)
                rows += some
                pages.append(page)
    PLANS.write_text(
        "\n".join([f"# Query plans of a history of {count:,} executions\n\nWritten by `make bench`.\n", *pages])
    )
    return rows


def main() -> int:
    """Measure, show, and write; 1 where the budget is missed."""
    rows = asyncio.run(history(int(sys.argv[1]) if sys.argv[1:] else ROWS))
    show(rows)
    write(rows, "history")
    return int(any(row.within is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
