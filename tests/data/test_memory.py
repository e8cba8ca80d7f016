"""Training on an array takes memory for its batches, not for the array."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "memory.py"


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="VmHWM is Linux's")
def test_peak_memory_stays_far_below_the_size_of_the_file() -> None:
    command = [sys.executable, str(BENCHMARK), "--gib", "0.25", "--json"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    report = json.loads(found.stdout)
    assert report["codes"] == 0.25 * 2**30 / 4096
    assert report["steps"] == report["codes"] / 512
    assert report["fit_mib"] - report["import_mib"] < 128
    assert report["encode_mib"] - report["import_mib"] < 128
