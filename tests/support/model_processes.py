"""Hosts of model processes in a runtime folder of their own, which are all ended with the test."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path

import counting_model

from codetune_core.engines.transformers.hosts import Hosts
from codetune_core.engines.transformers.patience import Patience
from codetune_core.engines.transformers.wire import Finished, Generate, Turn
from codetune_core.models.load_plan import LoadPlan
from codetune_core.models.spec import ModelSpec, Quantization
from codetune_core.runtime.folder import holder

COUNTING = (sys.executable, "-P", counting_model.__file__)
LARGE = 10**12


def counting_plan(name: str = "counting", **changes) -> LoadPlan:
    spec = ModelSpec(name=name, id="counting", context_tokens=4096)
    given = {"folder": "/", "quantization": Quantization.FP32, "context_tokens": 4096, "kv_tokens": 4096}
    return LoadPlan(spec=spec, **(given | changes))


@asynccontextmanager
async def hosts(
    command: tuple[str, ...] = COUNTING, capacity: int = LARGE, folder: Path | None = None, **patience: float
) -> AsyncIterator[Hosts]:
    """Hosts that hang up with the block; without a folder given, their processes end with it too."""
    async with runtime() as own:
        found = Hosts(folder or own, lambda _: capacity, Patience(**patience), command)
        found.folder = folder or own
        try:
            yield found
        finally:
            await found.aclose()


@asynccontextmanager
async def runtime() -> AsyncIterator[Path]:
    """A runtime folder with a short path, whose processes end with the block."""
    with tempfile.TemporaryDirectory(prefix="ct") as folder:
        try:
            yield Path(folder)
        finally:
            await end_all(Path(folder))


async def end_all(folder: Path) -> None:
    """Kill every model process of a folder, and wait until it is gone."""
    for lock in folder.glob("*.lock"):
        while pid := holder(lock):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.01)


async def pid_of(hosts: Hosts, model: str = "counting") -> int:
    """The process that has a model loaded."""
    return next(status.pid for status in (await hosts.loaded()).values() if status.model == model)


def count_to(word: object, **changes) -> Generate:
    return Generate(
        **({"id": 0, "messages": (Turn(role="user", content=f"count to {word}"),), "max_tokens": 10**6} | changes)
    )


async def answer(hosts: Hosts, plan: LoadPlan, request: Generate) -> tuple[str, Finished]:
    """A whole answer."""
    async with aclosing(hosts.generate(plan, request)) as items:
        told = [item async for item in items]
    return "".join(piece.text for piece in told[:-1]), told[-1]
