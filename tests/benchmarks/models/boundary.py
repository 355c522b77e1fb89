"""What the process boundary costs: streaming through a model process against the same runner in one's own process.

Also how long a cancelled request goes on, and what a constraint adds to each token.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))

import small_models
import torch
from model_processes import end_all

from codetune_core.engines.transformers.hosts import Hosts
from codetune_core.engines.transformers.process.causal.runner import CausalRunner
from codetune_core.engines.transformers.process.job import Answer, Job
from codetune_core.engines.transformers.process.load import load
from codetune_core.engines.transformers.wire import Finished, Generate, Piece
from codetune_core.models.load_plan import LoadPlan
from codetune_core.models.spec import Quantization
from codetune_core.prompts.schemas.registry import bounded_json_schema

TOKENS = 400
TURNS = 5
CANCELLATIONS = 100
PROMPT = "def read_settings(path):\n    "


class Direct:
    """The runner in this process."""

    def __init__(self, plan: LoadPlan) -> None:
        with torch.inference_mode():
            self.runner = CausalRunner(load(plan, lambda stage, part: None), plan)
            self.runner.warm_up()

    def seconds_per_token(self, request: Generate) -> float:
        told: list[Answer] = []
        began = time.perf_counter()
        with torch.inference_mode():
            self.runner.add(Job(request, told.append))
            while self.runner.step():
                pass
        (end,) = (answer for answer in told if not isinstance(answer, Piece))
        assert isinstance(end, Finished), end
        return (time.perf_counter() - began) / end.completion_tokens


def unlike(number: int, **changes) -> Generate:
    """A request that repeats nothing: sampled, and of a prompt of its own."""
    given = {"id": 0, "prefix": f"# {number}\n{PROMPT}", "max_tokens": TOKENS, "temperature": 1, "seed": number}
    return Generate(**(given | changes))


async def streamed(hosts: Hosts, plan: LoadPlan, request: Generate) -> float:
    """Seconds a token."""
    began = time.perf_counter()
    async with aclosing(hosts.generate(plan, request)) as items:
        async for item in items:
            last = item
    assert isinstance(last, Finished)
    return (time.perf_counter() - began) / last.completion_tokens


async def boundary(hosts: Hosts, plan: LoadPlan, direct: Direct) -> tuple[float, float]:
    """Seconds a token through the boundary, and without it; medians, in turns."""
    through, alone = [], []
    for turn in range(TURNS + 1):
        through.append(await streamed(hosts, plan, unlike(turn)))
        alone.append(direct.seconds_per_token(unlike(turn)))
    return statistics.median(through[1:]), statistics.median(alone[1:])


async def cancelling(hosts: Hosts, plan: LoadPlan) -> list[float]:
    """Seconds from giving up a stream to the process's word that nothing runs, its answer included."""
    taken = []
    for number in range(CANCELLATIONS):
        stream = hosts.generate(plan, unlike(number, max_tokens=1500))
        if not [item async for item in first(stream, 3)]:
            continue
        began = time.perf_counter()
        await stream.aclose()
        while (await hosts.loaded())[plan.key].running:
            pass
        taken.append(time.perf_counter() - began)
    return taken


async def first(stream: AsyncIterator[Piece | Finished], count: int) -> AsyncIterator[Piece]:
    """The first pieces of an answer that goes on after them; nothing of one that does not."""
    pieces = []
    async for item in stream:
        if isinstance(item, Finished):
            return
        pieces.append(item)
        if len(pieces) == count:
            break
    for piece in pieces:
        yield piece


async def cancelling_prefill(hosts: Hosts, plan: LoadPlan) -> list[float]:
    """The same while the prompt is being read."""
    taken = []
    for number in range(CANCELLATIONS):
        prompt = f"# {number}\n" + PROMPT * 150
        stream = hosts.generate(plan, Generate(id=0, prefix=prompt, max_tokens=10))
        first = asyncio.ensure_future(anext(stream))
        while not (await hosts.loaded())[plan.key].running and not first.done():
            pass
        began = time.perf_counter()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await stream.aclose()
        while (await hosts.loaded())[plan.key].running:
            pass
        taken.append(time.perf_counter() - began)
    return taken


def constrained(direct: Direct) -> tuple[float, float]:
    """Seconds a token with a schema, and without; medians, in turns."""
    schema = bounded_json_schema("findings")
    held, free = [], []
    for turn in range(TURNS + 1):
        held.append(direct.seconds_per_token(unlike(turn, output_schema=schema)))
        free.append(direct.seconds_per_token(unlike(turn)))
    return statistics.median(held[1:]), statistics.median(free[1:])


async def main() -> dict[str, float]:
    """All figures, in seconds."""
    plan = small_models.load_plan(small_models.TINY, quantization=Quantization.FP32, threads=1)
    torch.set_num_threads(1)
    direct = Direct(plan)
    with tempfile.TemporaryDirectory(prefix="ct") as folder:
        hosts = Hosts(Path(folder), lambda _: 10**12)
        try:
            through, alone = await boundary(hosts, plan, direct)
            decode = await cancelling(hosts, plan)
            prefill = await cancelling_prefill(hosts, plan)
        finally:
            await hosts.aclose()
            await end_all(Path(folder))
    held, free = constrained(direct)
    return {
        "through": through,
        "alone": alone,
        "cancel_p50": statistics.median(decode),
        "cancel_p95": statistics.quantiles(decode, n=20)[18],
        "cancel_prefill_p95": statistics.quantiles(prefill, n=20)[18],
        "constrained": held,
        "free": free,
    }


if __name__ == "__main__":
    print(asyncio.run(main()))
