"""Load a service with many streams at once, some left and some read slowly, and look for what gets lost or stays.

The service is a process of its own with the scripted engine, asked over TCP by client processes (``load_client.py``).
"""

import argparse
import asyncio
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import aiohttp
import psutil
import tomli_w
import yaml
from load_client import ANSWERS, KEY_VARIABLE, LONG_ANSWERS, PROMPT, Asked, Tally, long_words, words, work
from measures import MS, Row
from prometheus_client.parser import text_string_to_metric_families
from run import show, write

from codetune_core.access.key_text import new_key
from codetune_core.access.keys import ADMIN_VARIABLE
from codetune_core.execution.headers import KEY_HEADER

TOKEN_MS = 100
CLIENTS = 2
RESUME_SECONDS = 10
"""What is kept for who comes back has its full size so long after the beginning."""
WARM_SECONDS = 1.0
FITTED = 0.6
"""The last part of the time, through which a straight line is laid."""
_QUIET_SECONDS = 20
_PROGRAM = Path(__file__).with_name("load_client.py")


@dataclass
class Seen:
    """What was seen of the service from outside: latencies in seconds, memory in bytes by seconds."""

    health: list[float] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)
    files_before: int = 0
    files_after: int = 0
    left: float = 0
    never_ended: int = 0
    recorded: int = 0

    def growth(self) -> float:
        """Return by how much of itself the memory grew in the last part of the time, along a straight line."""
        since = self.memory[-1][0] * (1 - FITTED)
        times, sizes = zip(*((at, size) for at, size in self.memory if at >= since), strict=True)
        line = statistics.linear_regression(times, sizes)
        return line.slope * (times[-1] - times[0]) / statistics.fmean(sizes)


class Target:
    """A service that runs, and its process."""

    def __init__(self, url: str, secret: str, process: psutil.Process, http: aiohttp.ClientSession) -> None:
        self.url = url
        self.secret = secret
        self.process = process
        self.http = http

    def files(self) -> int:
        """Count what it has open besides its database, whose files SQLite keeps to open them again."""
        database = sum("load.db" in opened.path for opened in self.process.open_files())
        return self.process.num_fds() - database

    async def alive(self) -> float:
        """Ask whether it lives; seconds until it said so."""
        begun = time.perf_counter()
        async with self.http.get("/healthz") as answer:
            answer.raise_for_status()
            await answer.read()
        return time.perf_counter() - begun

    async def busy(self) -> float:
        """Return how many executions and readers it says that it has."""
        async with self.http.get("/metrics") as answer:
            answer.raise_for_status()
            families = text_string_to_metric_families(await answer.text())
        wanted = {"codetune_running", "codetune_waiting", "codetune_readers"}
        return sum(sample.value for family in families if family.name in wanted for sample in family.samples)


@dataclass(frozen=True)
class Shape:
    """How many streams there are at once, for how many seconds new ones begin, and how many tokens an answer has."""

    streams: int
    seconds: float
    tokens: int

    def asked(self, url: str, seed: int) -> Asked:
        """Return what one client does of it."""
        return Asked(url, self.streams // CLIENTS, self.seconds, seed, self.tokens, self.tokens)


@asynccontextmanager
async def serving(folder: Path, shape: Shape) -> AsyncIterator[Target]:
    """A service on a fresh database, with a prompt that is answered in a known way."""
    (folder / "script.yaml").write_text(yaml.safe_dump(_script(shape)))
    settings = folder / "config" / "codetune" / "codetune.toml"
    settings.parent.mkdir(parents=True)
    serve = {"concurrent": 2 * shape.streams, "resume_seconds": RESUME_SECONDS, "log_format": "json"}
    engine = {"name": "scripted", "script": str(folder / "script.yaml")}
    settings.write_text(tomli_w.dumps({"engine": engine, "serve": serve}))
    key = new_key()
    home = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    database = {"CODETUNE_DATABASE_URL": f"sqlite:///{folder / 'load.db'}"}
    environment = {**os.environ, **home, **database, "XDG_RUNTIME_DIR": str(folder), ADMIN_VARIABLE: key.hash}
    command = (sys.executable, "-m", "codetune_core.cli.main", "serve", "--tcp", "127.0.0.1:0")
    with (folder / "service.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=log
        )
    try:
        url = (await process.stdout.readline()).decode().split()[-1]
        secret = key.text.get_secret_value()
        async with aiohttp.ClientSession(url, headers={KEY_HEADER: secret}) as http:
            await _made(http, shape)
            yield Target(url, secret, psutil.Process(process.pid), http)
    finally:
        process.terminate()
        await process.wait()


def _script(shape: Shape) -> dict:
    rules = [
        {"contains": f"# {name} {number} #", "answers": [made(number, shape.tokens)], "token_delay_ms": TOKEN_MS}
        for name, made, many in (("answer", words, ANSWERS), ("long", long_words, LONG_ANSWERS))
        for number in range(many)
    ]
    return {"models": [{"name": "scripted", "engine": "scripted", "context_tokens": 100_000}], "rules": rules}


async def _made(http: aiohttp.ClientSession, shape: Shape) -> None:
    wording = {"user_prompt_template": "{{ code }}", "temperature": 0, "max_tokens": shape.tokens + 1}
    prompt = {"name": PROMPT, "wording": wording | {"variables": [{"name": "code", "type": "code"}]}}
    async with asyncio.timeout(60):
        while True:
            async with http.post("/api/prompts/", json=prompt) as answer:
                if answer.status == 201:
                    return
            await asyncio.sleep(0.05)


async def load(target: Target, shape: Shape) -> list[Tally]:
    """Let the client processes load it."""
    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(_client(target, shape.asked(target.url, seed))) for seed in range(CLIENTS)]
    return [client.result() for client in clients]


async def _client(target: Target, asked: Asked) -> Tally:
    environment = {**os.environ, KEY_VARIABLE: target.secret}
    command = (sys.executable, str(_PROGRAM), json.dumps(asdict(asked)))
    client = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
    said, _ = await client.communicate()
    if client.returncode:
        raise RuntimeError(f"a client ended with {client.returncode}")
    return Tally(**json.loads(said))


async def watched(target: Target, seen: Seen) -> None:
    """Ask all the time whether it lives, and look at its memory, until cancelled."""
    begun = time.monotonic()
    while True:
        seen.health.append(await target.alive())
        seen.memory.append((time.monotonic() - begun, target.process.memory_info().rss))
        await asyncio.sleep(0.02)


async def quiet(target: Target) -> float:
    """Wait until it is idle; return what it still has after a while."""
    until = time.monotonic() + _QUIET_SECONDS
    while (left := await target.busy()) and time.monotonic() < until:
        await asyncio.sleep(0.1)
    return left


async def run(folder: Path, shape: Shape) -> tuple[Seen, list[Tally]]:
    """Load a service, and count what came and what stayed."""
    seen = Seen()
    async with serving(folder, shape) as target:
        # Connections to the database and lazy imports are there before anything is compared.
        warm = await work(replace(shape, seconds=WARM_SECONDS).asked(target.url, CLIENTS), target.secret)
        seen.left += await quiet(target)
        seen.files_before = target.files()
        watching = asyncio.create_task(watched(target, seen))
        tallies = await load(target, shape)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        seen.left += await quiet(target)
        seen.files_after = target.files()
    with sqlite3.connect(folder / "load.db") as database:
        ended = "SELECT COUNT(*), COUNT(*) - COUNT(success) FROM execution_history"
        seen.recorded, seen.never_ended = database.execute(ended).fetchone()
    database.close()
    return seen, [warm, *tallies]


def rows_of(seen: Seen, tallies: list[Tally], shape: Shape) -> list[Row]:
    """Return what is held against budgets, then the figures that say how much it was."""
    health = statistics.quantiles(seen.health, n=100)
    first = statistics.quantiles([each for tally in tallies for each in tally.first_token_seconds], n=100)
    ended = {kind: sum(tally.ended[kind] for tally in tallies) for kind in tallies[0].ended}
    asked = sum(ended.values())
    return [
        Row("`/healthz` meanwhile, 99th percentile", "ms", health[98] * MS, budget=1000),
        Row("answers with an event lost, doubled or another's", "", sum(each.lost for each in tallies), budget=0),
        Row("executions that failed", "", sum(each.failed for each in tallies), budget=0),
        Row("executions and readers that stayed", "", seen.left, budget=0),
        Row("executions recorded twice or not at all", "", abs(seen.recorded - asked), budget=0),
        Row("executions recorded without an end", "", seen.never_ended, budget=0),
        Row("open files and connections more than before", "", seen.files_after - seen.files_before, budget=0),
        Row("growth of memory in the last 60 % of the time", "%", seen.growth() * 100, budget=5),
        Row("memory of the service at the end", "MB", seen.memory[-1][1] / 1e6),
        Row("streams at once", "", shape.streams),
        Row("streams read whole", "", ended["whole"] + ended["numbered"]),
        Row("streams left in the middle", "", ended["cancelled"]),
        Row("streams read slowly", "", ended["slow"]),
        Row("events read", "", sum(each.events for each in tallies)),
        Row("first token, median", "ms", first[49] * MS),
        Row("first token, 99th percentile", "ms", first[98] * MS),
    ]


def main() -> int:
    """Run it; 1 where a budget is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--streams", type=int, default=200)
    arguments.add_argument("--seconds", type=float, default=120)
    arguments.add_argument("--tokens", type=int, default=250, help=f"of an answer, one each {TOKEN_MS} ms")
    arguments.add_argument("--json", action="store_true", help="print the figures, and write nothing")
    chosen = arguments.parse_args()
    shape = Shape(chosen.streams, chosen.seconds, chosen.tokens)
    with tempfile.TemporaryDirectory(prefix="ctl") as name:
        seen, tallies = asyncio.run(run(Path(name), shape))
    rows = rows_of(seen, tallies, shape)
    for said in (said for tally in tallies for said in tally.said):
        print(said, file=sys.stderr)
    if chosen.json:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        show(rows)
        write(rows, "load")
    return int(any(row.within is False for row in rows))


if __name__ == "__main__":
    sys.exit(main())
