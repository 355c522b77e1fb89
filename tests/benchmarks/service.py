"""Measure the service, in a process of its own over a Unix socket, against a request that does nothing and the engine.

The engine is the scripted one; asked directly it runs in this process, behind the service in the other one.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import aiohttp
import tomli_w
from measures import MS, Row
from run import show, write

from codetune_core.domain.execution import ExecutionRequest, Message, Task
from codetune_core.domain.prompt import Decoding
from codetune_core.engines.protocol import Done, Generation
from codetune_core.engines.scripted import ScriptedEngine, read_script
from codetune_core.execution.events import Failed, Token
from codetune_core.execution.headers import EXECUTION_HEADER
from codetune_core.execution.remote.connection import ServiceConnection
from codetune_core.execution.remote.executor import RemoteExecutor

FAST, SLOW = 20_000, 800
SCRIPT = f"""
models: [{{name: scripted, engine: scripted, context_tokens: 100000}}]
rules:
  - {{contains: "# fast", answers: ["{"word " * FAST}"]}}
  - {{contains: "# slow", answers: ["{"word " * SLOW}"], token_delay_ms: 10}}
  - {{contains: "# late", answers: ["{"word " * 10}"], delay_ms: 100, token_delay_ms: 10}}
default: {{answers: ["it adds two numbers"]}}
"""


class Sides:
    """The service, asked in both its ways, and the engine by itself."""

    def __init__(self, http: aiohttp.ClientSession, executor: RemoteExecutor, engine: ScriptedEngine) -> None:
        self.http = http
        self.executor = executor
        self.engine = engine
        self.last = ""

    async def nothing(self) -> None:
        """Ask for what takes no work."""
        async with self.http.get("/healthz") as answer:
            await answer.read()

    async def from_cache(self) -> None:
        """Ask what was asked before."""
        body = {"task": "explain", "prompt": "bench", "variables": {"code": "a + b\n" * 20}}
        async with self.http.post("/api/execute", json=body) as answer:
            self.last = answer.headers[EXECUTION_HEADER]
            if b"event: finished" not in await answer.read():
                raise RuntimeError("there was no answer")

    async def again(self) -> None:
        """Pick up, once more, the events of the answer that came last: nothing is run."""
        async with self.http.get(f"/api/execution/{self.last}/events") as answer:
            if b"event: finished" not in await answer.read():
                raise RuntimeError("there was no answer")

    async def served(self, code: str) -> list[float]:
        """Times since the request at which pieces of the answer came, and of its end."""
        asked = ExecutionRequest(Task.EXPLAIN, "bench", {"code": code}, fresh=True)
        begun, times = time.perf_counter(), []
        async with aclosing(self.executor.execute(asked)) as events:
            async for event in events:
                if isinstance(event, Failed):
                    raise RuntimeError(event.message)  # noqa: TRY004 - the answer's fault
                if isinstance(event, Token):
                    times.append(time.perf_counter() - begun)
        return [*times, time.perf_counter() - begun]

    async def direct(self, code: str) -> list[float]:
        """The same of the engine by itself."""
        model = await self.engine.model("")
        asked = Generation(model, (Message("user", code),), 0, FAST + 1, Decoding())
        begun = time.perf_counter()
        async with aclosing(self.engine.generate(asked)) as items:
            times = [time.perf_counter() - begun async for item in items if not isinstance(item, Done)]
        return [*times, time.perf_counter() - begun]


Ask = Callable[[str], Awaitable[list[float]]]


async def cache_hit(sides: Sides, turns: int = 1000) -> list[Row]:
    """An answer from the cache, the same events without a run, and a request that does nothing, in turns; median."""
    await sides.from_cache()
    acts = (sides.from_cache, sides.again, sides.nothing)
    times: list[list[float]] = [[] for _ in acts]
    for _ in range(turns):
        for act, its in zip(acts, times, strict=True):
            begun = time.perf_counter()
            await act()
            its.append(time.perf_counter() - begun)
    hit, again, nothing = (statistics.median(its) * MS for its in times)
    name = "answer from the cache, median"
    return [
        Row(name, "ms", hit, nothing, "`GET /healthz`", 2),
        Row(name, "ms", hit, again, "its events picked up once more"),
    ]


async def first_token(sides: Sides, turns: int = 60) -> list[Row]:
    """The first piece of an answer whose first token takes 100 ms; median."""
    served, direct = [], []
    for _ in range(turns):
        served.append((await sides.served("# late"))[0])
        direct.append((await sides.direct("# late"))[0])
    mine, engines = statistics.median(served) * MS, statistics.median(direct) * MS
    return [Row("first token after 100 ms, median", "ms", mine, engines, "the engine itself", 1.02)]


async def highest_rate(sides: Sides, turns: int = 10) -> list[Row]:
    """An engine that writes as fast as it can."""
    served, direct = [], []
    for _ in range(turns):
        for ask, rates in ((sides.served, served), (sides.direct, direct)):
            first, *_, last, _ = await ask("# fast")
            rates.append(FAST / (last - first))
    mine, engines = statistics.median(served), statistics.median(direct)
    row = Row("time for a token at the highest rate", "µs", 1e6 / mine, 1e6 / engines, "the engine itself", 1 / 0.6)
    return [row]


async def many_streams(sides: Sides, streams: int = 32, turns: int = 3) -> list[Row]:
    """Streams at once, of an engine that writes 100 tokens a second in each."""

    async def rate(ask: Ask) -> float:
        begun = time.perf_counter()
        await asyncio.gather(*(ask(f"# slow {number}") for number in range(streams)))
        return streams * SLOW / (time.perf_counter() - begun)

    served, direct = [], []
    for _ in range(turns):
        served.append(await rate(sides.served))
        direct.append(await rate(sides.direct))
    mine, engines = statistics.median(served), statistics.median(direct)
    name = f"time for a token, {streams} streams"
    return [Row(name, "µs", 1e6 / mine, 1e6 / engines, "the engine itself", 1 / 0.95)]


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Sides]:
    """A service of its own, on a fresh database, with a prompt that is drawn at temperature 0."""
    script, socket = folder / "script.yaml", folder / "s.sock"
    script.write_text(SCRIPT)
    home = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    settings = folder / "config" / "codetune" / "codetune.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(tomli_w.dumps({"engine": {"name": "scripted", "script": str(script)}}))
    environment = {**os.environ, **home, "XDG_RUNTIME_DIR": str(folder)}
    command = (sys.executable, "-m", "codetune_core.cli.main", "serve", "--socket", str(socket))
    process = await asyncio.create_subprocess_exec(*command, env=environment, stderr=asyncio.subprocess.DEVNULL)
    connection = ServiceConnection.to_socket(socket)
    executor = RemoteExecutor(connection)
    try:
        async with aiohttp.ClientSession("http://localhost", connector=aiohttp.UnixConnector(str(socket))) as http:
            await _ready(http)
            wording = {"user_prompt_template": "{{ code }}", "temperature": 0, "max_tokens": FAST + 1}
            variables = [{"name": "code", "type": "code"}]
            prompt = {"name": "bench", "wording": wording | {"variables": variables}}
            async with http.post("/api/prompts/", json=prompt) as answer:
                answer.raise_for_status()
            yield Sides(http, executor, ScriptedEngine(read_script(script)))
    finally:
        await executor.aclose()
        process.terminate()
        await process.wait()


async def _ready(http: aiohttp.ClientSession) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                async with http.get("/api/prompts/") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.05)


async def main() -> int:
    """Run every measure; 1 where a budget is missed."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Path(folder)) as sides:
            for measure in (cache_hit, first_token, highest_rate, many_streams):
                print(f"{measure.__name__} ...", file=sys.stderr, flush=True)
                rows += await measure(sides)
    show(rows)
    write(rows, "service")
    return int(any(row.within is False for row in rows))


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
