"""Reads executions from the service over real connections, and holds its scripted engine where a test wants it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import aiohttp
from aiohttp import web
from running import Gate

from codetune_core.engines.scripted import ScriptedEngine
from codetune_core.execution.headers import EXECUTION_HEADER, KEY_HEADER
from codetune_remote.app import make_runner
from codetune_remote.service import Service

BODY = {"task": "explain", "prompt": "explain-code", "variables": {"code": "a + b", "language": "python"}}
WORDS = "one two three four five six"
SCRIPT = f"default: {{answers: ['{WORDS}']}}\n"
NDJSON = {"Accept": "application/x-ndjson"}


def body(code="a + b", **changes):
    """A request that only an equal one shares its generation with."""
    return {**BODY, "variables": {"code": code, "language": "python"}, **changes}


@dataclass
class Frames:
    """What a connection has brought so far: numbers and events, and heartbeats."""

    numbers: list[int] = field(default_factory=list)
    events: list[dict] = field(default_factory=list)
    heartbeats: int = 0

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    @property
    def text(self) -> str:
        return "".join(event["text"] for event in self.events if event["type"] == "token")

    def add(self, line: bytes) -> bool:
        """Read one line of NDJSON, and tell whether it is an event."""
        content = json.loads(line)
        if "heartbeat" in content:
            self.heartbeats += 1
            return False
        self.numbers.append(content["id"])
        self.events.append(content["event"])
        return True


def sse(text: str) -> Frames:
    """What a whole stream of server-sent events says."""
    frames = Frames()
    assert text == "" or text.endswith("\n\n")
    for block in text.split("\n\n")[:-1]:
        if block == ": heartbeat":
            frames.heartbeats += 1
            continue
        lines = [line.partition(": ") for line in block.split("\n")]
        assert [name for name, _, _ in lines] == ["id", "event", "data"]
        (_, _, number), (_, _, kind), (_, _, data) = lines
        frames.numbers.append(int(number))
        frames.events.append(json.loads(data))
        assert kind == frames.events[-1]["type"]
    return frames


class Stream:
    """One connection that reads lines of NDJSON."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.frames = Frames()
        self._read = b""

    @property
    def id(self) -> UUID:
        return UUID(self.answer.headers[EXECUTION_HEADER])

    async def line(self) -> bytes:
        """Read one line, of any length; empty at the end."""
        while b"\n" not in self._read:
            if not (more := await self.answer.content.readany()):
                break
            self._read += more
        line, end, self._read = self._read.partition(b"\n")
        return line + end

    async def until(self, kind: str) -> dict:
        """Read up to the next event of a type."""
        while line := await self.line():
            if self.frames.add(line) and self.frames.types[-1] == kind:
                return self.frames.events[-1]
        raise AssertionError(f"no {kind} came, but {self.frames.types}")

    async def rest(self) -> Frames:
        """Read to the end."""
        while line := await self.line():
            self.frames.add(line)
        return self.frames

    def hang_up(self) -> None:
        """Close the connection, in the middle of what it brings."""
        self.answer.close()


@asynccontextmanager
async def stream(client, path="/api/execute", method="POST", headers=None, **asked) -> AsyncIterator[Stream]:
    """Ask for an execution, or for the events of one, and read it piece by piece."""
    sent = {"json": {**BODY, **asked}} if method == "POST" else {}
    async with client.request(method, path, headers={**NDJSON, **(headers or {})}, **sent) as answer:
        assert answer.status == 200, await answer.text()
        yield Stream(answer)


def engine_of(service: Service) -> ScriptedEngine:
    """The scripted engine, out of what guards it."""
    engine = service.core.engine
    while not isinstance(engine, ScriptedEngine):
        engine = engine._engine
    return engine


def hold(service: Service, at: int) -> Gate:
    """Hold the engine before the token of an index."""
    engine_of(service).gate = gate = Gate(at)
    return gate


async def eventually(holds, *, what: str) -> None:
    """Wait until something that another task does has happened."""
    for _ in range(2000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"it did not happen: {what}")


async def quiet(service: Service) -> None:
    """Check that nothing runs, waits or reads any more."""
    engine = engine_of(service)
    await eventually(lambda: not service.hub.running and not service.hub.readers, what="the hub is quiet")
    assert (service.admission.gate.running, service.admission.gate.waiting) == (0, 0)
    await eventually(lambda: engine.started == engine.finished + engine.failed + engine.cancelled, what="engine idle")


@asynccontextmanager
async def users(service: Service, *names: str) -> AsyncIterator[list[aiohttp.ClientSession]]:
    """Serve over TCP, with a client for each user, who has a key."""
    runner = make_runner(service)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    clients = []
    try:
        for name in names:
            _, made = await service.core.keys.create(name, ["execute", "read"], expires="1d")
            key = {KEY_HEADER: made.text.get_secret_value()}
            clients.append(aiohttp.ClientSession(address, headers=key))
        yield clients
    finally:
        for client in clients:
            await client.close()
        await runner.cleanup()
