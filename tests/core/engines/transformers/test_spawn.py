"""What a model process is given, and what it is not."""

import os
from pathlib import Path

import pytest
from model_processes import answer, count_to, counting_plan, hosts, pid_of

from codetune_core.engines.transformers.spawn import environment, new_log
from codetune_core.runtime.folder import Files


def test_keys_stay_behind_and_the_network_is_off():
    own = {"PATH": "/bin", "HF_TOKEN": "t", "OPENAI_API_KEY": "k", "AWS_SECRET_ACCESS": "s", "HF_HUB_OFFLINE": "0"}
    assert environment(own, threads=0) == {
        "PATH": "/bin",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONFAULTHANDLER": "1",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "TOKENIZERS_PARALLELISM": "false",
    }


def test_the_plan_says_how_many_threads_compute():
    given = environment({"OMP_NUM_THREADS": "64"}, threads=2)
    assert (given["OMP_NUM_THREADS"], given["MKL_NUM_THREADS"]) == ("2", "2")


def test_the_log_of_the_process_before_is_kept_and_older_ones_are_not(tmp_path):
    files = Files(tmp_path, "key")
    for text in (b"first", b"second", b"third"):
        with new_log(files.log) as log:
            log.write(text)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "key.log": b"third",
        "key.log.old": b"second",
    }


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="Linux tells it")
async def test_a_process_is_its_own_session_and_goes_first_where_memory_runs_out():
    async with hosts() as found:
        await answer(found, counting_plan(), count_to(1))
        pid = await pid_of(found)
        assert os.getsid(pid) == pid
        assert Path(f"/proc/{pid}/oom_score_adj").read_text("ascii") == "500\n"
        assert {path.stat().st_mode & 0o077 for path in found.folder.iterdir()} == {0}
