"""What a model process says about itself."""

import os
import resource
import sys
import time
from pathlib import Path

from codetune_core.engines.transformers.process.loop import Loop
from codetune_core.engines.transformers.wire import Status
from codetune_core.models.load_plan import LoadPlan


def status(number: int, plan: LoadPlan, loop: Loop, loading_seconds: float, *, busy: bool) -> Status:
    """Return the answer to the AskStatus of that number."""
    counts = loop.counts()
    return Status(
        id=number,
        loaded=loop.built is not None,
        pid=os.getpid(),
        model=plan.spec.name,
        quantization=plan.quantization,
        device=plan.device,
        bytes_needed=plan.bytes_needed,
        running=counts.running,
        waiting=counts.waiting + loop.queued,
        kv_tokens=counts.kv_tokens,
        kv_tokens_held=counts.kv_tokens_held,
        kv_tokens_used=counts.kv_tokens_used,
        weights_bytes=loop.built.weights_bytes if loop.built else 0,
        rss_bytes=rss_bytes(),
        device_bytes=_device_bytes(plan.device),
        generated_tokens=counts.generated_tokens,
        drafted_tokens=counts.drafted_tokens,
        accepted_tokens=counts.accepted_tokens,
        step_seconds=loop.step_seconds(),
        idle_seconds=0 if busy else time.monotonic() - loop.used,
        loading_seconds=loading_seconds,
    )


def rss_bytes() -> int:
    """Memory that this process holds now; where the system does not say, the most that it held."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    return pages * resource.getpagesize()


def _device_bytes(device: str) -> int:
    """Memory that torch holds on a GPU."""
    torch = sys.modules.get("torch")
    return int(torch.cuda.memory_reserved(device)) if torch and device.startswith("cuda") else 0
