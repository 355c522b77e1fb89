"""What this machine has for models, as ``nvidia-smi``, the system and its control groups say it."""

import os
from pathlib import Path

import pytest

from codetune_core.models import hardware
from codetune_core.models.hardware import Gpu, Hardware, detect, device, gpus, has_bf16, imagined_gpu, main_memory
from codetune_core.sections import ModelSettings

MIB, GIB = 2**20, 2**30
TWO = "0, GPU-aa11, NVIDIA L4, 23034, 22000\n1, GPU-bb22, NVIDIA H200, 143771, 143000\n"


@pytest.fixture
def nvidia(tmp_path, monkeypatch):
    """Put an ``nvidia-smi`` on the PATH that prints a text."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    def says(text: str, *, code: int = 0) -> None:
        program = tmp_path / "nvidia-smi"
        (tmp_path / "text").write_text(text)
        program.write_text(f"#!/bin/sh\n/bin/cat '{tmp_path}/text'\nexit {code}\n")
        program.chmod(0o755)

    return says


def test_cards_are_found_with_what_they_hold_and_what_is_free(nvidia):
    nvidia(TWO)
    assert gpus() == (
        Gpu(0, "NVIDIA L4", 23034 * MIB, 22000 * MIB),
        Gpu(1, "NVIDIA H200", 143771 * MIB, 143000 * MIB),
    )


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        ("1", ["NVIDIA H200"]), ("1,0", ["NVIDIA H200", "NVIDIA L4"]), ("GPU-aa", ["NVIDIA L4"]), ("", []), ("-1", []),
        ("0,7,1", ["NVIDIA L4"]),
    ],
)  # fmt: skip
def test_what_cuda_is_not_to_see_is_not_there(nvidia, monkeypatch, visible, names):
    nvidia(TWO)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.name for gpu in gpus()] == names


@pytest.mark.parametrize(("text", "code"), [("", 0), ("No devices were found\n", 6), (TWO, 9), ("a, b\n", 0)])
def test_where_nvidia_smi_finds_nothing_there_is_no_card(nvidia, text, code):
    nvidia(text, code=code)
    assert gpus() == ()


def test_a_card_that_does_not_tell_its_memory_is_left_out(nvidia):
    nvidia("0, GPU-aa11, NVIDIA GB10, [N/A], [N/A]\n" + TWO.splitlines()[1])
    assert [gpu.index for gpu in gpus()] == [1]


def test_a_machine_without_nvidia_smi_has_its_processor(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = detect()
    assert found.gpus == ()
    assert 0 < found.free_memory <= found.memory
    assert found.cores >= 1


HERE = Hardware((Gpu(0, "small", 8 * GIB, GIB), Gpu(1, "large", 24 * GIB, GIB)), 64 * GIB, GIB, 8)
ALONE = Hardware((), 32 * GIB, GIB, 8)


@pytest.mark.parametrize(
    ("found", "settings", "name", "budget"),
    [
        (HERE, {}, "cuda:1", 24 * GIB * 0.95),
        (HERE, {"device": "cuda"}, "cuda:1", 24 * GIB * 0.95),
        (HERE, {"device": "cpu"}, "cpu", 64 * GIB * 0.9),
        (HERE, {"memory_gigabytes": 10}, "cuda:1", 10**10),
        (ALONE, {}, "cpu", 32 * GIB * 0.9),
        (ALONE, {"memory_gigabytes": 0.5}, "cpu", 5 * 10**8),
        (ALONE, {"device": "cuda"}, "cuda:0", 0),
        (ALONE, {"device": "cuda", "memory_gigabytes": 16}, "cuda:0", 16 * 10**9),
        (imagined_gpu(24 * GIB), {}, "cuda:0", 24 * GIB * 0.95),
    ],
)
def test_models_run_on_the_largest_card_else_on_the_processor_unless_settings_say_otherwise(
    found, settings, name, budget
):
    chosen = device(found, ModelSettings.model_validate(settings))
    assert (chosen.name, chosen.budget) == (name, int(budget))


@pytest.fixture
def system(tmp_path):
    """A /proc and a /sys/fs/cgroup."""

    def made(membership: str, **limits: str) -> tuple[Path, Path]:
        proc, groups = tmp_path / "proc", tmp_path / "cgroup"
        (proc / "self").mkdir(parents=True)
        (proc / "meminfo").write_text(f"MemTotal: {32 * MIB} kB\nMemFree: 1 kB\nMemAvailable: {20 * MIB} kB\n")
        (proc / "self" / "cgroup").write_text(membership)
        for name, value in limits.items():
            path = groups / name.replace("__", ".").replace("_0_", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(value)
        return proc, groups

    return made


@pytest.mark.parametrize(
    ("membership", "limits", "total", "free"),
    [
        ("0::/\n", {}, 32, 20),
        ("0::/a/b\n", {"a_0_b_0_memory__max": "max\n", "a_0_b_0_memory__current": "1"}, 32, 20),
        ("0::/a/b\n", {"a_0_b_0_memory__max": f"{8 * GIB}\n", "a_0_b_0_memory__current": f"{GIB}\n"}, 8, 7),
        ("0::/a/b\n", {"a_0_memory__max": f"{4 * GIB}\n", "a_0_memory__current": f"{3 * GIB}\n"}, 4, 1),
        ("0::/\n", {"memory__max": f"{2 * GIB}", "memory__current": f"{3 * GIB}"}, 2, 0),
        (
            "5:cpu:/x\n4:memory:/x\n0::/\n",
            {"memory_0_x_0_memory__limit_in_bytes": f"{GIB}", "memory_0_x_0_memory__usage_in_bytes": "0"}, 1, 1,
        ),
        ("0::/\n", {"memory__max": f"{64 * GIB}", "memory__current": f"{GIB}"}, 32, 20),
    ],
)  # fmt: skip
def test_main_memory_is_what_the_container_may_take(system, membership, limits, total, free):
    names = {name.replace("__limit", ".limit").replace("__usage", ".usage"): value for name, value in limits.items()}
    assert main_memory(*system(membership, **names)) == (total * GIB, free * GIB)


def test_a_system_without_proc_is_asked_itself(tmp_path):
    total, free = main_memory(tmp_path / "proc", tmp_path / "cgroup")
    assert total == free == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_memory_that_cannot_be_known_is_none(tmp_path, monkeypatch):
    def unknown(name):
        raise ValueError(name)

    monkeypatch.setattr(hardware.os, "sysconf", unknown)
    assert main_memory(tmp_path, tmp_path) == (0, 0)


@pytest.mark.parametrize(
    ("text", "fast"),
    [
        ("flags\t: fpu avx2 avx512_bf16\n", True),
        ("flags\t: fpu amx_bf16\n", True),
        ("flags\t: fpu avx2\n", False),
        ("Features\t: fp asimd bf16\n", True),
        ("Features\t: fp asimd\n", False),
        ("model name\t: something\n", True),
    ],
)
def test_a_processor_says_whether_it_computes_in_bfloat16(tmp_path, text, fast):
    (tmp_path / "cpuinfo").write_text(text)
    assert has_bf16(tmp_path / "cpuinfo") is fast


def test_a_system_that_does_not_tell_is_taken_to_compute_in_bfloat16(tmp_path):
    assert has_bf16(tmp_path / "none")
