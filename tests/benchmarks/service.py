"""Measure the service, in a process of its own over a Unix socket, against a request that does nothing and the engine.

The engine is the scripted one; asked directly it runs in this process, behind the service in the other one. The floor
is aiohttp alone in a third process (``bare_service.py``), which answers the same requests with the same bytes.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

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
LATE_SECONDS = 0.1
ENGINE, FLOOR = "the engine itself", "aiohttp alone, the same bytes"
BARE = Path(__file__).with_name("bare_service.py")
HIT = {"task": "explain", "prompt": "bench", "variables": {"code": "a + b\n" * 20}}
LATE = {"task": "explain", "prompt": "bench", "variables": {"code": "# late"}, "fresh": True}
SCRIPT = f"""
models: [{{name: scripted, engine: scripted, context_tokens: 100000}}]
rules:
  - {{contains: "# fast", answers: ["{"word " * FAST}"]}}
  - {{contains: "# slow", answers: ["{"word " * SLOW}"], token_delay_ms: 10}}
  - {{contains: "# late", answers: ["{"word " * 10}"], delay_ms: {LATE_SECONDS * 1000:g}, token_delay_ms: 10}}
default: {{answers: ["it adds two numbers"]}}
"""


class Client:
    """What asks over one socket, in both ways."""

    def __init__(self, socket: Path) -> None:
        self.http = aiohttp.ClientSession("http://localhost", connector=aiohttp.UnixConnector(str(socket)))
        self.executor = RemoteExecutor(ServiceConnection.to_socket(socket))

    async def aclose(self) -> None:
        """Close the connections."""
        await self.executor.aclose()
        await self.http.close()

    async def ready(self) -> None:
        """Wait until somebody answers."""
        async with asyncio.timeout(60):
            while True:
                try:
                    async with self.http.get("/api/prompts/") as answer:
                        if answer.status < 500:
                            return
                except aiohttp.ClientConnectionError:
                    pass
                await asyncio.sleep(0.05)

    async def get(self, path: str) -> bytes:
        """Ask for what takes no work."""
        async with self.http.get(path) as answer:
            return await answer.read()

    async def whole(self, body: dict[str, Any]) -> tuple[dict[str, str], bytes]:
        """Ask for an execution, and read all of its answer: headers and events."""
        async with self.http.post("/api/execute", json=body) as answer:
            events = await answer.read()
            if b"event: finished" not in events:
                raise RuntimeError("there was no answer")
            return dict(answer.headers), events

    async def times(self, code: str) -> list[float]:
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


class Sides:
    """The service, the floor below it, and the engine by itself."""

    def __init__(self, service: Client, floor: Client, engine: ScriptedEngine) -> None:
        self.service = service
        self.floor = floor
        self.engine = engine
        self.last = ""

    async def nothing(self) -> None:
        """Ask for what takes no work."""
        await self.service.get("/healthz")

    async def from_cache(self) -> None:
        """Ask what was asked before."""
        headers, _ = await self.service.whole(HIT)
        self.last = headers[EXECUTION_HEADER]

    async def bare(self) -> None:
        """Ask the floor for the same, which has it at hand."""
        await self.floor.whole(HIT)

    async def again(self) -> None:
        """Pick up, once more, the events of the answer that came last: nothing is run."""
        if b"event: finished" not in await self.service.get(f"/api/execution/{self.last}/events"):
            raise RuntimeError("there was no answer")

    async def direct(self, code: str) -> list[float]:
        """Times at which the engine by itself gives pieces, and of its end."""
        model = await self.engine.model("")
        asked = Generation(model, (Message("user", code),), 0, FAST + 1, Decoding())
        begun = time.perf_counter()
        async with aclosing(self.engine.generate(asked)) as items:
            times = [time.perf_counter() - begun async for item in items if not isinstance(item, Done)]
        return [*times, time.perf_counter() - begun]


Ask = Callable[[str], Awaitable[list[float]]]


async def cache_hit(sides: Sides, turns: int = 1000) -> list[Row]:
    """An answer from the cache, the same bytes without a service, without a run, and no work, in turns; median."""
    acts = (sides.from_cache, sides.bare, sides.again, sides.nothing)
    times: list[list[float]] = [[] for _ in acts]
    for _ in range(turns):
        for act, its in zip(acts, times, strict=True):
            begun = time.perf_counter()
            await act()
            its.append(time.perf_counter() - begun)
    hit, bare, again, nothing = (statistics.median(its) * MS for its in times)
    name = "answer from the cache, median"
    return [
        Row(name, "ms", hit, nothing, "`GET /healthz`", 3),
        Row(name, "ms", hit, bare, FLOOR),
        Row(name, "ms", hit, again, "its events picked up once more"),
        Row("the same bytes, median", "ms", bare, nothing, "`GET /healthz`"),
    ]


async def first_token(sides: Sides, turns: int = 60) -> list[Row]:
    """The first piece of an answer whose first token takes 100 ms; median."""
    asks = (sides.service.times, sides.floor.times, sides.direct)
    times: list[list[float]] = [[] for _ in asks]
    for _ in range(turns):
        for ask, its in zip(asks, times, strict=True):
            its.append((await ask("# late"))[0])
    mine, bare, engines = (statistics.median(its) * MS for its in times)
    name = "first token after 100 ms, median"
    return [
        Row(name, "ms", mine, bare, FLOOR, 1.03),
        Row(name, "ms", mine, engines, ENGINE),
        Row("the same without a service, median", "ms", bare, engines, ENGINE),
    ]


async def highest_rate(sides: Sides, turns: int = 10) -> list[Row]:
    """An engine that writes as fast as it can."""
    served, direct = [], []
    for _ in range(turns):
        for ask, rates in ((sides.service.times, served), (sides.direct, direct)):
            first, *_, last, _ = await ask("# fast")
            rates.append(FAST / (last - first))
    mine, engines = statistics.median(served), statistics.median(direct)
    row = Row("time for a token at the highest rate", "µs", 1e6 / mine, 1e6 / engines, ENGINE, 1 / 0.6)
    return [row]


async def many_streams(sides: Sides, streams: int = 32, turns: int = 3) -> list[Row]:
    """Streams at once, of an engine that writes 100 tokens a second in each."""

    async def rate(ask: Ask) -> float:
        begun = time.perf_counter()
        await asyncio.gather(*(ask(f"# slow {number}") for number in range(streams)))
        return streams * SLOW / (time.perf_counter() - begun)

    served, direct = [], []
    for _ in range(turns):
        served.append(await rate(sides.service.times))
        direct.append(await rate(sides.direct))
    mine, engines = statistics.median(served), statistics.median(direct)
    name = f"time for a token, {streams} streams"
    return [Row(name, "µs", 1e6 / mine, 1e6 / engines, ENGINE, 1 / 0.95)]


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Sides]:
    """A service of its own, on a fresh database, with a prompt that is drawn at temperature 0; and the floor."""
    script, socket = folder / "script.yaml", folder / "s.sock"
    script.write_text(SCRIPT)
    home = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    settings = folder / "config" / "codetune" / "codetune.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(tomli_w.dumps({"engine": {"name": "scripted", "script": str(script)}}))
    environment = {**os.environ, **home, "XDG_RUNTIME_DIR": str(folder)}
    command = ("-m", "codetune_core.cli.main", "serve", "--socket", str(socket))
    async with _asked(command, socket, environment) as service:
        variables = [{"name": "code", "type": "code"}]
        wording = {
            "user_prompt_template": "{{ code }}",
            "temperature": 0,
            "max_tokens": FAST + 1,
            "variables": variables,
        }
        async with service.http.post(
            "/api/prompts/", json={"name": "bench", "wording": wording | {"variables": variables}}
        ) as answer:
            answer.raise_for_status()
        answers, bare = folder / "answers.json", folder / "b.sock"
        answers.write_text(json.dumps(await _answers(service)))
        async with _asked((str(BARE), str(bare), str(answers)), bare, environment) as floor:
            yield Sides(service, floor, ScriptedEngine(read_script(script)))


async def _answers(service: Client) -> dict[str, Any]:
    """Return what the floor answers: what the service does."""
    await service.whole(HIT)  # which is remembered now
    headers, cached = await service.whole(HIT)
    _, late = await service.whole(LATE)
    before, after = late.decode().split("\n\n", 1)
    kept = {name: value for name, value in headers.items() if name not in {"Content-Length", "Date"}}
    return {
        "headers": kept,
        "cached": cached.decode(),
        "before": f"{before}\n\n",
        "after": after,
        "seconds": LATE_SECONDS,
    }


@asynccontextmanager
async def _asked(command: tuple[str, ...], socket: Path, environment: dict[str, str]) -> AsyncIterator[Client]:
    """Run a program that answers at a socket."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, env=environment, stderr=asyncio.subprocess.DEVNULL
    )
    client = Client(socket)
    try:
        await client.ready()
        yield client
    finally:
        await client.aclose()
        process.terminate()
        await process.wait()


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
