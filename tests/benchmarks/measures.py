"""What is measured: each measure runs both sides in one run, in turns, and gives rows of the budget table."""

import asyncio
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from lsp import Client, Json, session

OURS = (sys.executable, "-m", "codetune_server")
BARE = (sys.executable, str(Path(__file__).with_name("bare_server.py")))
BANDIT = (sys.executable, "-m", "bandit", "--quiet", "--format", "json")
PUSH: Json = {"textDocument": {"publishDiagnostics": {"versionSupport": True}, "synchronization": {"didSave": True}}}
PULL: Json = {"textDocument": {"diagnostic": {}, "synchronization": {"didSave": True}}}
MS = 1000
_READING_SECONDS = 0.5
"""Between opening a file and typing in it."""


@dataclass(frozen=True)
class Row:
    """One line of the table: both sides in the same unit; the budget is for the ratio, or for ours where no peer is."""

    name: str
    unit: str
    ours: float
    peer: float | None = None
    peer_name: str = ""
    budget: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours by the peer's."""
        return self.ours / self.peer if self.peer else None

    @property
    def within(self) -> bool | None:
        """Whether the budget is kept; None where there is none."""
        value = self.ours if self.peer is None else self.ratio
        return None if self.budget is None or value is None else value <= self.budget


async def start_up(turns: int = 10) -> list[Row]:
    """Process start to the answer of ``initialize``, median."""
    taken: dict[tuple[str, ...], list[float]] = {OURS: [], BARE: []}
    for _ in range(turns + 1):
        for command, times in taken.items():
            async with _in_empty_folder(command, PUSH) as (_, seconds):
                times.append(seconds)
    ours, bare = (statistics.median(times[1:]) * MS for times in taken.values())
    return [Row("start to `initialize` answer, median", "ms", ours, bare, "bare pygls server", 1.3)]


async def no_op_request(count: int = 1000) -> list[Row]:
    """A hover that finds nothing, median, in turns."""
    uri = "file:///bench/a.py"
    async with _in_empty_folder(OURS, PUSH) as (ours, _), _in_empty_folder(BARE, PUSH) as (bare, _):
        await ours.open(uri, "x = 1\n")
        document = {"uri": uri, "languageId": "python", "version": 1, "text": "x = 1\n"}
        await bare.notify("textDocument/didOpen", {"textDocument": document})
        times: list[list[float]] = [[], []]
        for _ in range(count):
            for client, taken in zip((ours, bare), times, strict=True):
                taken.append(await _timed(lambda client=client: _hover(client, uri)))
    mine, peers = (statistics.median(taken[50:]) * MS for taken in times)
    return [Row("request that does nothing, median", "ms", mine, peers, "bare pygls server", 1.15)]


async def save_real_files(count: int = 30) -> list[Row]:
    """Save to first diagnostics on modules of the standard library, against the bandit command on the same files."""
    files = _real_files(count)
    saves, bandits = [], []
    async with _in_empty_folder(OURS, PUSH) as (client, _):
        for number, path in enumerate(files):
            text = path.read_text("utf-8")
            uri = f"file:///bench/m{number}.py"
            await client.open(uri, text)
            await asyncio.sleep(_READING_SECONDS)
            saves.append(await _timed(lambda uri=uri, text=text: _save(client, uri, text, 2)))
            bandits.append(_run_bandit(path))
    p50, p95 = statistics.median(saves) * MS, statistics.quantiles(saves, n=20)[18] * MS
    return [
        Row(f"save to first diagnostics, {count} real files, median", "ms", p50, budget=50),
        Row(f"save to first diagnostics, {count} real files, 95th percentile", "ms", p95, budget=150),
        Row("the same, median", "ms", p50, statistics.median(bandits) * MS, "bandit command"),
    ]


async def save_large_file(turns: int = 7) -> list[Row]:
    """Save of a 100 KB file to all static diagnostics, and of the same file unchanged."""
    text = _large_text()
    uri = "file:///bench/large.py"
    changed, unchanged, bandits = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.py"
        path.write_text(text)
        async with _in_empty_folder(OURS, PULL) as (client, _):
            document = {"uri": uri, "languageId": "python", "version": 1, "text": text}
            await client.notify("textDocument/didOpen", {"textDocument": document})
            result = (await _pull(client, uri))["resultId"]
            for turn in range(turns):
                await _type(client, uri, text, turn + 2)
                changed.append(await _timed(lambda: _saved_pull(client, uri)))
                result = (await _pull(client, uri))["resultId"]
                unchanged.append(await _timed(lambda result=result: _saved_pull(client, uri, result)))
                bandits.append(_run_bandit(path))
    peer = statistics.median(bandits) * MS
    size = f"{len(text) // 1000} KB file"
    return [
        Row(
            f"save to all static diagnostics, {size}",
            "ms",
            statistics.median(changed) * MS,
            peer,
            "bandit command",
            0.35,
        ),
        Row(f"save without a change, {size}", "ms", statistics.median(unchanged) * MS, peer, "bandit command", 0.02),
    ]


async def request_during_review(turns: int = 5) -> list[Row]:
    """A request while a review of many files runs, 99th percentile, against the same request idle; median of turns."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number, path in enumerate(_real_files(150)):
            (root / f"m{number}.py").write_text(path.read_text("utf-8"))
        pairs = [await _idle_and_busy(root) for _ in range(turns)]
    calm, loaded = (statistics.median(times) * MS for times in zip(*pairs, strict=True))
    return [Row("request while a review runs, 99th percentile", "ms", loaded, calm, "the same request idle", 2)]


async def _idle_and_busy(root: Path, count: int = 1000) -> tuple[float, float]:
    uri = "file:///bench/a.py"
    async with session(OURS, root, PUSH) as (client, _):
        await client.open(uri, "x = 1\n")
        idle = [await hover_after_pause(client, uri) for _ in range(count)]
        command = {"command": "codetune.reviewWorkspace", "arguments": []}
        review = asyncio.create_task(client.request("workspace/executeCommand", command))
        busy = []
        while not review.done():
            busy.append(await hover_after_pause(client, uri))
        await review
    return statistics.quantiles(idle, n=100)[98], statistics.quantiles(busy, n=100)[98]


async def hover_after_pause(client: Client, uri: str) -> float:
    """Seconds that a hover takes, a moment after the last one."""
    await asyncio.sleep(0.002)
    return await _timed(lambda: _hover(client, uri))


async def memory() -> list[Row]:
    """Resident memory after 30 real files were reviewed."""
    async with _in_empty_folder(OURS, PUSH) as (client, _):
        for number, path in enumerate(_real_files(30)):
            await client.open(f"file:///bench/m{number}.py", path.read_text("utf-8"))
        server = psutil.Process(client.process.pid)
        below = [child.memory_info().rss for child in server.children(recursive=True)]
        mine = server.memory_info().rss
    return [
        Row("memory of the language server", "MB", mine / 1e6, budget=80),
        Row("memory of its worker and ruff", "MB", sum(below) / 1e6),
    ]


ALL: tuple[Callable[[], Awaitable[list[Row]]], ...] = (
    start_up,
    no_op_request,
    save_real_files,
    save_large_file,
    request_during_review,
    memory,
)


class _in_empty_folder:  # noqa: N801 - reads as a context
    def __init__(self, command: tuple[str, ...], capabilities: Json) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._session = session(command, Path(self._folder.name), capabilities)

    async def __aenter__(self) -> tuple[Client, float]:
        return await self._session.__aenter__()

    async def __aexit__(self, *error: object) -> None:
        await self._session.__aexit__(*error)  # type: ignore[arg-type]
        self._folder.cleanup()


async def _timed(action: Callable[[], Awaitable[object]]) -> float:
    begun = time.perf_counter()
    await action()
    return time.perf_counter() - begun


async def _hover(client: Client, uri: str) -> object:
    place = {"textDocument": {"uri": uri}, "position": {"line": 0, "character": 0}}
    return await client.request("textDocument/hover", place)


async def _type(client: Client, uri: str, text: str, version: int) -> None:
    line = text.count("\n")
    place = {"line": line, "character": 0}
    change = {"range": {"start": place, "end": place}, "text": f"\nassert {version}\n"}
    document = {"uri": uri, "version": version}
    await client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})


async def _save(client: Client, uri: str, text: str, version: int) -> None:
    waiting = client.published(uri, version)
    await _type(client, uri, text, version)
    await client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
    await asyncio.wait_for(waiting, 60)


async def _pull(client: Client, uri: str, previous: str | None = None) -> Json:
    params: Json = {"textDocument": {"uri": uri}} | ({"previousResultId": previous} if previous else {})
    report: Json = await client.request("textDocument/diagnostic", params)
    return report


async def _saved_pull(client: Client, uri: str, previous: str | None = None) -> None:
    await client.notify("textDocument/didSave", {"textDocument": {"uri": uri}})
    report = await _pull(client, uri, previous)
    expected = "unchanged" if previous else "full"
    if report["kind"] != expected:
        raise RuntimeError(f"expected a report that is {expected}, got {report['kind']}")


def _run_bandit(path: Path) -> float:
    begun = time.perf_counter()
    subprocess.run([*BANDIT, str(path)], capture_output=True, check=False)
    return time.perf_counter() - begun


def _real_files(count: int) -> list[Path]:
    """Modules of the standard library between 5 and 60 KB, evenly over the alphabet."""
    library = Path(sysconfig.get_paths()["stdlib"])
    fitting = [
        path
        for path in sorted(library.glob("*.py")) + sorted(library.glob("*/*.py"))
        if 5_000 < path.stat().st_size < 60_000
    ]
    fitting = [path for path in fitting if not {"test", "tests", "site-packages", "idlelib"} & set(path.parts)]
    return fitting[:: max(1, len(fitting) // count)][:count]


def _large_text() -> str:
    """About 100 KB of real modules, one after the other."""
    text = ""
    for path in _real_files(60):
        source = path.read_text("utf-8")
        if "from __future__" not in source and len(text) + len(source) < 105_000:
            text += source + "\n"
    return text
