"""The program of a model process: loads the model of the plan on its standard input, and serves it on a socket."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from codetune_core.engines.transformers.process.build import build
from codetune_core.engines.transformers.process.loop import Built, Progress
from codetune_core.engines.transformers.process.server import Server
from codetune_core.models.load_plan import LoadPlan


def run(build_plan: Callable[[LoadPlan, Progress], Built]) -> None:
    """Serve until the end, on the socket whose path is the first argument."""
    os.umask(0o077)
    _be_killed_first()
    plan = LoadPlan.model_validate_json(sys.stdin.buffer.read())
    code = asyncio.run(_serve(plan, partial(build_plan, plan), Path(sys.argv[1])))
    sys.stderr.flush()
    os._exit(code)  # torch's thread may be in the middle of a step, which nobody waits for


async def _serve(plan: LoadPlan, load: Callable[[Progress], Built], socket: Path) -> int:
    server = Server(plan, load)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.end)
    return await server.serve(socket)


def _be_killed_first() -> None:
    """Where memory runs out, Linux is to end this process, and not the editor."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", "ascii")


if __name__ == "__main__":
    run(build)
