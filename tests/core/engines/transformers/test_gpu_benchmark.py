"""The benchmark for GPUs runs on a processor too, with a toy's shape, so that it does not rot where no GPU is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "gpu" / "large.py"


@pytest.mark.slow
def test_the_gpu_benchmark_measures_what_it_says(tmp_path):
    out = tmp_path / "gpu.json"
    options = ("--shape", "toy", "--device", "cpu", "--batches", "1", "3", "--context", "200", "--tokens", "12")
    command = [sys.executable, SCRIPT, *options, "--folder", tmp_path, "--out", out]
    subprocess.run([str(part) for part in command], check=True, capture_output=True)
    found = json.loads(out.read_text())
    assert [(row["batch"], row["context"], row["graphs"]) for row in found["rows"]] == [
        (1, 200, False),
        (3, 200, False),
    ]
    assert all(row["tokens_per_second"] > 0 and row["bandwidth_limit"] > 0 for row in found["rows"])
    assert found["rows"][0]["weights_bytes"] == pytest.approx(found["planned_weights_bytes"], rel=0.02)
