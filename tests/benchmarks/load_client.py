"""A client process of the load: keeps streams open for a while, and compares every answer with the one it knows.

It is told what to do as JSON in its first argument, and writes what it counted as JSON.
"""

import asyncio
import json
import os
import random
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from uuid import uuid4

import aiohttp

from codetune_core.domain.execution import ExecutionRequest, Task
from codetune_core.execution.events import EVENT, Event, Failed, Finished, Token
from codetune_core.execution.headers import EXECUTION_HEADER, KEY_HEADER, RESUMABLE_HEADER
from codetune_core.execution.remote.executor import RemoteExecutor
from codetune_core.http.sse import EventReader
from codetune_core.service_sections import RemoteSettings

KEY_VARIABLE = "LOAD_SERVICE_KEY"
PROMPT = "load"
ANSWERS, LONG_ANSWERS = 16, 2
"""So many different ones, so that what came to the wrong stream is seen."""
KINDS = {"slow": 0.05, "cancelled": 0.1, "numbered": 0.15, "whole": 0.7}
"""Shares of streams: read slowly, left in the middle, read with their numbers, read through the executor."""
_RECEIVE_BYTES = 4096
_SLOW_BYTES, _SLOW_SECONDS = 16_000, 0.2
_MOST_SAID = 5


@dataclass(frozen=True)
class Asked:
    """What a client does: ``seconds`` after which it begins no more streams, and what an answer consists of."""

    url: str
    streams: int
    seconds: float
    seed: int
    tokens: int
    long_tokens: int


@dataclass
class Tally:
    """What came; ``lost`` counts answers that were not the known one, ``tokens`` pieces that were read."""

    ended: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    lost: int = 0
    failed: int = 0
    events: int = 0
    first_token_seconds: list[float] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def say(self, problem: str) -> None:
        """Keep the first problems, to be read."""
        if len(self.said) < _MOST_SAID:
            self.said.append(problem)


def words(number: int, tokens: int) -> list[str]:
    """Return the tokens of a known answer."""
    return [f" {number}-{index}" for index in range(tokens)]


def long_words(number: int, tokens: int) -> list[str]:
    """Return the tokens of a known answer that fits no buffer of a connection."""
    return [f" {number}-{index}-" + "x" * 2000 for index in range(tokens)]


class Client:
    """Streams of one process, over one pool of connections."""

    def __init__(self, asked: Asked, executor: RemoteExecutor, http: aiohttp.ClientSession) -> None:
        self._asked = asked
        self._executor = executor
        self._http = http
        self._random = random.Random(asked.seed)
        self.tally = Tally()

    async def run(self) -> Tally:
        """Keep all streams open until the time is over, and let the last ones end."""
        until = time.monotonic() + self._asked.seconds
        await asyncio.gather(*(self._one_after_the_other(until) for _ in range(self._asked.streams)))
        return self.tally

    async def _one_after_the_other(self, until: float) -> None:
        await asyncio.sleep(self._random.random())  # they do not begin, and so end, in step
        while time.monotonic() < until:
            [kind] = self._random.choices(list(KINDS), list(KINDS.values()))
            number = self._random.randrange(LONG_ANSWERS if kind == "slow" else ANSWERS)
            events = self._slow(number) if kind == "slow" else self._usual(kind, number)
            known = long_words(number, self._asked.long_tokens) if kind == "slow" else words(number, self._asked.tokens)
            leaves_after = self._random.randrange(1, len(known)) if kind == "cancelled" else None
            await self._compared(events, "".join(known), leaves_after)
            self.tally.ended[kind] += 1

    def _usual(self, kind: str, number: int) -> AsyncIterator[Event]:
        code = f"# answer {number} # {uuid4()}"
        if kind == "numbered":
            return self._numbered(code, self._http, 65536, 0)
        return self._executor.execute(ExecutionRequest(Task.EXPLAIN, PROMPT, {"code": code}, fresh=True))

    async def _slow(self, number: int) -> AsyncIterator[Event]:
        connector = aiohttp.TCPConnector(socket_factory=_small_buffer)
        async with aiohttp.ClientSession(self._asked.url, connector=connector, headers=self._http.headers) as http:
            code = f"# long {number} # {uuid4()}"
            async with aclosing(self._numbered(code, http, _SLOW_BYTES, _SLOW_SECONDS)) as events:
                async for event in events:
                    yield event

    async def _numbered(
        self, code: str, http: aiohttp.ClientSession, most_bytes: int, pause: float
    ) -> AsyncIterator[Event]:
        """Read the stream itself, whose events have to be numbered without a gap, with a pause between reads."""
        body = {"task": "explain", "prompt": PROMPT, "variables": {"code": code}, "fresh": True}
        headers = {EXECUTION_HEADER: str(uuid4()), RESUMABLE_HEADER: "1"}
        reader, expected = EventReader(), 1
        async with http.post("/api/execute", json=body, headers=headers, read_bufsize=_RECEIVE_BYTES) as answer:
            answer.raise_for_status()
            while block := await answer.content.read(most_bytes):
                for sent in reader.feed(block):
                    if int(sent.id) != expected:
                        self.tally.lost += 1
                        self.tally.say(f"event {sent.id} came where {expected} should")
                    expected = int(sent.id) + 1
                    yield EVENT.validate_json(sent.data)
                await asyncio.sleep(pause)

    async def _compared(self, events: AsyncIterator[Event], known: str, leaves_after: int | None) -> None:
        begun, pieces, tokens, last = time.monotonic(), list[str](), 0, None
        async with aclosing(events):
            async for event in events:
                self.tally.events += 1
                if isinstance(event, Token):
                    if not pieces:
                        self.tally.first_token_seconds.append(time.monotonic() - begun)
                    pieces.append(event.text)
                    tokens += 1
                    if tokens == leaves_after:
                        break
                last = event
        came = "".join(pieces)
        if isinstance(last, Failed):
            self.tally.failed += 1
            self.tally.say(f"{last.kind}: {last.message}")
        elif leaves_after is not None and tokens == leaves_after:
            self._check(known.startswith(came.rstrip()), f"{came[-40:]!r} is not the beginning of an answer")
        else:
            whole = isinstance(last, Finished) and came == last.output == known
            self._check(whole, f"{last.type if last else 'nothing'} after {len(came)} of {len(known)} characters")

    def _check(self, holds: bool, problem: str) -> None:  # noqa: FBT001 - what holds is what is checked
        if not holds:
            self.tally.lost += 1
            self.tally.say(problem)


def _small_buffer(address: tuple) -> socket.socket:
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
    return made


async def work(asked: Asked, key: str) -> Tally:
    """Do what is asked, and return what came."""
    os.environ[KEY_VARIABLE] = key
    executor = RemoteExecutor.to_service(RemoteSettings(base_url=asked.url, key_env=KEY_VARIABLE, connect_seconds=60))
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(asked.url, connector=connector, headers={KEY_HEADER: key}) as http:
        try:
            return await Client(asked, executor, http).run()
        finally:
            await executor.aclose()


if __name__ == "__main__":
    json.dump(asdict(asyncio.run(work(Asked(**json.loads(sys.argv[1])), os.environ[KEY_VARIABLE]))), sys.stdout)
