"""Measure the language server while a model reviews: other requests, and its memory after a long day of edits.

The daemon is real and its engine scripted: tokens come one by one, as a model's do, and cost next to nothing.
"""

import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import daemons
import psutil
import pytest
from lsp import Client, Json, session
from measures import MS, OURS, PUSH, Row, hover_after_pause
from run import show, write

TURNS, REQUESTS = 5, 1000
EDITS, REVIEWS = 10_000, 500
FITTED = 0.6
"""The last part of the reviews, through whose memory a straight line is laid."""
_WARM_REVIEWS = 20
FUNCTIONS = 4
URI, OTHER = "file:///bench/streamed.py", "file:///bench/a.py"
_WORDS = "a " * 149


def _verdicts(reason: str) -> str:
    said = {"candidate": 1, "call": "confirm", "reason": reason, "evidence": ["text"]}
    return json.dumps(json.dumps({"verdicts": [said], "claims": []}))


SCRIPT = f"""
models: [{{name: scripted, engine: scripted, context_tokens: 100000}}]
rules:
  - {{contains: "streamed_", token_delay_ms: 20, answers: [{_verdicts(_WORDS)}]}}
default: {{answers: [{_verdicts("it is opened")}]}}
"""


def _text(name: str, turn: int) -> str:
    """Functions that each have a finding; of another turn others, so that no answer is in the cache."""
    functions = [f"def {name}_{turn}_{number}(text):\n    return ftplib.FTP(text)\n\n\n" for number in range(FUNCTIONS)]
    return f"import ftplib\n\n\n{''.join(functions)}"


@contextmanager
def somebody() -> Iterator[Path]:
    """A user with a daemon of their own; yields an empty folder."""
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        daemons.user(f"sqlite:///{folder}/codetune.db", patch) as user,
    ):
        user.scripted(SCRIPT)
        root = Path(folder) / "empty"
        root.mkdir()
        yield root


class Typed:
    """A document that is typed in and reviewed."""

    def __init__(self, client: Client, uri: str) -> None:
        self._client, self._uri, self._version = client, uri, 1

    async def open(self, text: str) -> None:
        """Open it."""
        await self._client.open(self._uri, text)

    async def becomes(self, text: str) -> None:
        """Replace all of it."""
        await self._change({"text": text})

    async def type(self, text: str, line: int) -> None:
        """Insert something at the start of a line."""
        place = {"line": line, "character": 0}
        await self._change({"range": {"start": place, "end": place}, "text": text})

    async def review(self) -> Json:
        """Have a model review it; fails where it did not."""
        command = {"command": "codetune.reviewWithModel", "arguments": [self._uri]}
        counts: Json = await self._client.request("workspace/executeCommand", command)
        if counts["asked"] != counts["answered"]:
            raise RuntimeError(f"the model did not answer: {counts}")
        return counts

    async def _change(self, change: Json) -> None:
        self._version += 1
        document = {"uri": self._uri, "version": self._version}
        await self._client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})


async def request_during_stream() -> list[Row]:
    """A hover while a model's answers stream in, 99th percentile, against the same idle; medians of turns."""
    with somebody() as root:
        async with session(OURS, root, PUSH) as (client, _):
            await client.open(OTHER, "x = 1\n")
            document = Typed(client, URI)
            await document.open(_text("streamed", 0))
            await document.review()
            pairs = [await _idle_and_streaming(client, document, turn + 1) for turn in range(TURNS)]
    idle, streaming = (statistics.median(times) * MS for times in zip(*pairs, strict=True))
    name = "request while a model reviews, 99th percentile"
    return [Row(name, "ms", streaming, idle, "the same request idle", 2)]


async def _idle_and_streaming(client: Client, document: Typed, turn: int) -> tuple[float, float]:
    idle = [await hover_after_pause(client, OTHER) for _ in range(REQUESTS)]
    await document.becomes(_text("streamed", turn))
    review, busy = asyncio.create_task(document.review()), []
    while not review.done():
        busy.append(await hover_after_pause(client, OTHER))
    if (await review)["asked"] != FUNCTIONS:
        raise RuntimeError("the model was asked about something else")
    return statistics.quantiles(idle, n=100)[98], statistics.quantiles(busy, n=100)[98]


async def memory() -> list[Row]:
    """The language server's memory while somebody types and has a model review, again and again."""
    with somebody() as root:
        async with session(OURS, root, PUSH) as (client, _):
            document, process = Typed(client, URI), psutil.Process(client.process.pid)
            await document.open(_text("typed", 0))
            sizes = [await _typed_and_reviewed(document, process, turn) for turn in range(1, REVIEWS + 1)]
    begin, end, growth = sizes[_WARM_REVIEWS], sizes[-1], _growth(sizes)
    what = f"{EDITS:,} edits and {REVIEWS} reviews with a model"
    return [
        Row(f"memory of the language server after {what}", "MB", end / 1e6, budget=80),
        Row("the same", "MB", end / 1e6, begin / 1e6, f"after {_WARM_REVIEWS} of them", 1.1),
        Row(f"growth of it in the last {FITTED:.0%} of them", "%", growth * 100, budget=5),
    ]


async def _typed_and_reviewed(document: Typed, process: psutil.Process, turn: int) -> int:
    """Type, have it reviewed, and return what the server holds, in bytes."""
    await document.becomes(_text("typed", turn))
    for number in range(EDITS // REVIEWS - 1):
        await document.type(f"# {turn} {number}\n", 1)
    await document.review()
    size: int = process.memory_info().rss
    return size


def _growth(sizes: list[int]) -> float:
    """By how much of itself it grew in the last part, along a straight line."""
    last = sizes[-int(len(sizes) * FITTED) :]
    line = statistics.linear_regression(range(len(last)), last)
    return line.slope * len(last) / statistics.fmean(last)


def main() -> int:
    """Run both; 1 where a budget is missed."""
    rows = []
    for measure in (request_during_stream, memory):
        print(f"{measure.__name__} ...", file=sys.stderr, flush=True)
        rows += asyncio.run(measure())
    show(rows)
    write(rows, "editing")
    return int(any(row.within is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
