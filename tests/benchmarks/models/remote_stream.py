"""What the engine ``openai`` costs for each streamed token, beside ``json.loads`` of the same frames.

A server in another process sends 20,000 frames of one token each, one at a time, then 8 in a block.
"""

import asyncio
import json
import statistics
import subprocess
import sys
import time
from contextlib import aclosing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))

from aiohttp import web
from http_peer import serving
from openai_server import DONE, delta, server

from codetune_core.domain.execution import Message
from codetune_core.domain.prompt import Decoding
from codetune_core.engines.openai.engine import OpenAIEngine
from codetune_core.engines.protocol import Generation
from codetune_core.sections import EngineSettings
from codetune_core.settings import Settings

TOKENS = 20_000
TURNS = 5
FRAMES = [delta(f"token{number % 100} ") for number in range(TOKENS)]


async def serve(block: int) -> None:
    """Send all frames, ``block`` of them at a time, until the process is ended."""
    blocks = [b"".join(FRAMES[start : start + block]) for start in range(0, TOKENS, block)]

    async def answer(request: web.Request, _body: dict) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for part in [*blocks, delta(finish="stop"), DONE]:
            await response.write(part)
        return response

    async with serving(server(answer=answer)) as peer:
        print(peer.base_url, flush=True)
        await asyncio.Event().wait()


async def streamed(base_url: str) -> float:
    """Seconds of processor time for each token, the median of some turns."""
    engine = OpenAIEngine.from_settings(EngineSettings(name="openai", base_url=base_url), Settings())
    asked = Generation(await engine.model(""), (Message("user", "Go on"),), 0, TOKENS, Decoding())
    turns = []
    for _ in range(TURNS):
        began = time.process_time()
        async with aclosing(engine.generate(asked)) as items:
            tokens = [item async for item in items]
        turns.append((time.process_time() - began) / len(tokens))
    await engine.aclose()
    return statistics.median(turns)


def parsed() -> float:
    """Seconds of processor time for ``json.loads`` of one frame."""
    texts = [frame.removeprefix(b"data: ").strip() for frame in FRAMES]
    began = time.process_time()
    for text in texts:
        json.loads(text)
    return (time.process_time() - began) / TOKENS


def measure(block: int) -> dict[str, float]:
    """Microseconds for each token, and the ratio."""
    child = subprocess.Popen([sys.executable, __file__, str(block)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout
        engine = asyncio.run(streamed(child.stdout.readline().strip()))
    finally:
        child.terminate()
        child.wait()
    loads = statistics.median(parsed() for _ in range(TURNS))
    return {
        "engine_us": round(engine * 1e6, 1),
        "json_loads_us": round(loads * 1e6, 1),
        "ratio": round(engine / loads, 2),
    }


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(serve(int(sys.argv[1])))
    else:
        print(json.dumps({f"{block} in a block": measure(block) for block in (1, 8)}, indent=2))
