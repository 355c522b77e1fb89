"""What this machine has for models: graphics processors, main memory, cores."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from codetune_core.models.memory import GB
from codetune_core.sections import ModelSettings

_QUERY = ("--query-gpu=index,uuid,name,memory.total,memory.free", "--format=csv,noheader,nounits")
_SECONDS = 10
_MEBIBYTE = 2**20
_GPU_SHARE = 0.95
_CPU_SHARE = 0.9
"""The rest is left to the display and the driver, or to the system and other programs."""
_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}
"""As Linux calls them: Intel and AMD, Intel's matrices, Arm."""
_CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Gpu:
    """A graphics processor; sizes in bytes."""

    index: int
    name: str
    total: int
    free: int


@dataclass(frozen=True, slots=True)
class Hardware:
    """What is here; ``memory`` and ``free_memory`` in bytes, of the main memory, within the limit of the container.

    ``fast_bf16`` says whether the processor computes in bfloat16 itself.
    """

    gpus: tuple[Gpu, ...]
    memory: int
    free_memory: int
    cores: int
    fast_bf16: bool = True


@dataclass(frozen=True, slots=True)
class Device:
    """What computes (``cpu`` or ``cuda:0``), and how many bytes models may take there together."""

    name: str
    budget: int
    described: str
    fast_bf16: bool = True


def detect() -> Hardware:
    """Look what is here; where a part cannot be found out, it is taken to be absent."""
    total, free = main_memory()
    return Hardware(gpus(), total, free, cores(), has_bf16())


def device(hardware: Hardware, settings: ModelSettings) -> Device:
    """Return what models run on: the graphics processor with the most memory, else the processor.

    The settings ``device`` and ``memory_gigabytes`` go before what was found.
    """
    largest = max(hardware.gpus, key=lambda gpu: gpu.total, default=None)
    if settings.device == "cpu" or (largest is None and settings.device == "auto"):
        budget = _budget(settings, hardware.memory * _CPU_SHARE)
        return Device("cpu", budget, f"the processor ({hardware.cores} cores)", hardware.fast_bf16)
    if largest is None:
        budget = _budget(settings, 0)
        return Device("cuda:0", budget, "a graphics processor that nvidia-smi does not show")
    at = hardware.gpus.index(largest)
    return Device(f"cuda:{at}", _budget(settings, largest.total * _GPU_SHARE), largest.name)


def imagined_gpu(total: int) -> Hardware:
    """Return a machine with a graphics processor of that many bytes, to plan for."""
    return Hardware((Gpu(0, f"a card of {total / 2**30:.0f} GB", total, total),), 0, 0, cores())


def _budget(settings: ModelSettings, found: float) -> int:
    return int(settings.memory_gigabytes * GB if settings.memory_gigabytes else found)


def gpus() -> tuple[Gpu, ...]:
    """Return the graphics processors that ``nvidia-smi`` shows and ``CUDA_VISIBLE_DEVICES`` leaves, in its order."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        asked = subprocess.run(  # noqa: S603 - found on the PATH, with arguments of ours
            [program, *_QUERY], capture_output=True, text=True, timeout=_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return ()
    found = [row for line in asked.stdout.splitlines() if (row := _row(line))]
    return _visible(found, os.environ.get("CUDA_VISIBLE_DEVICES"))


def _row(line: str) -> tuple[str, Gpu] | None:
    """Return the UUID and the processor of a line; None for one that does not tell its memory."""
    try:
        index, uuid, name, total, free = (cell.strip() for cell in line.split(","))
        return uuid, Gpu(int(index), name, int(total) * _MEBIBYTE, int(free) * _MEBIBYTE)
    except ValueError:
        return None


def _visible(found: list[tuple[str, Gpu]], visible: str | None) -> tuple[Gpu, ...]:
    """Return what CUDA shows: it stops at the first entry that names no device."""
    if visible is None:
        return tuple(gpu for _, gpu in found)
    shown: list[Gpu] = []
    for entry in (part.strip() for part in visible.split(",")):
        gpu = next((gpu for uuid, gpu in found if entry and (entry == str(gpu.index) or uuid.startswith(entry))), None)
        if gpu is None:
            break
        shown.append(gpu)
    return tuple(shown)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the processor has instructions for bfloat16; True where the system does not tell."""
    try:
        text = cpuinfo.read_text("utf-8")
    except OSError:
        return True
    flags = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), None)
    return flags is None or not _BF16.isdisjoint(flags.split())


def main_memory(proc: Path = Path("/proc"), cgroups: Path = _CGROUPS) -> tuple[int, int]:
    """Return the bytes of main memory, all and free, within the limits of the control groups; 0 where unknown."""
    total, free = _meminfo(proc / "meminfo")
    if not total:
        total = free = _system_memory()
    for limit, used in _limits(proc / "self" / "cgroup", cgroups):
        total, free = min(total, limit), min(free, limit - used)
    return total, max(0, free)


def _meminfo(path: Path) -> tuple[int, int]:
    try:
        lines = path.read_text("ascii").splitlines()
    except OSError:
        return 0, 0
    values = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
    return values.get("MemTotal", 0), values.get("MemAvailable", values.get("MemFree", 0))


def _limits(membership: Path, cgroups: Path) -> list[tuple[int, int]]:
    """Return limit and use of each group above this process that has a limit, of versions 1 and 2."""
    try:
        lines = membership.read_text("utf-8").splitlines()
    except OSError:
        return []
    limits = []
    for _, controllers, path in (line.split(":", 2) for line in lines):
        version_1 = controllers == "memory"
        if not version_1 and controllers:
            continue
        root = cgroups / "memory" if version_1 else cgroups
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes") if version_1 else ("memory.max", "memory.current")
        inner = root / path.lstrip("/")
        for folder in (inner, *inner.parents):
            if folder == root or root in folder.parents:
                limits += _limit(*(folder / name for name in names))
    return limits


def _limit(limit: Path, usage: Path) -> list[tuple[int, int]]:
    try:
        return [(int(limit.read_text("ascii")), int(usage.read_text("ascii")))]
    except (OSError, ValueError):  # no such file, or "max"
        return []


def _system_memory() -> int:
    if sys.platform == "win32":
        return _windows_memory()
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return 0


def _windows_memory() -> int:
    import ctypes  # noqa: PLC0415 - on Windows only

    kilobytes = ctypes.c_ulonglong(0)
    ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))  # type: ignore[attr-defined]
    return kilobytes.value * 1024
