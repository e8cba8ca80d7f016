"""Several processes: one result, one that writes, and a sentence instead of a hang if one dies."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nebulatent.apps.cli import main
from nebulatent.apps.fitting.launch import SAID, STOPPED, how_to_go_on, start, stop, wait

SCRIPT = "import sys; from nebulatent.apps.cli import main; sys.exit(main(sys.argv[1:]))"
LINE = "fit blobs.csv --out run --devices 2 --batch-size 20 --save-steps 5"


def group(*codes: str) -> list[subprocess.Popen[str]]:
    return [start([sys.executable, "-c", code], i, len(codes), {}) for i, code in enumerate(codes)]


SLEEP = "import time; time.sleep(30)"
KILL = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize(
    ("codes", "bad"),
    [
        (("", ""), None),
        (("", SLEEP, KILL), 2),
        (("raise SystemExit(2)", KILL), 1),  # it missed the one that was killed
        (("raise SystemExit(2)", f"raise SystemExit({SAID})"), 1),
        ((f"raise SystemExit({SAID})", f"raise SystemExit({STOPPED})"), 1),
    ],
)
def test_the_process_that_is_the_reason_ends_all(codes: tuple[str, ...], bad: int | None) -> None:
    processes = group(*codes)
    began = time.monotonic()
    try:
        assert wait(processes) == bad
    finally:
        stop(processes)
    assert time.monotonic() - began < 10
    assert all(process.returncode is not None for process in processes)


def test_each_process_knows_its_number() -> None:
    names = "('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'LOCAL_WORLD_SIZE')"
    processes = group(*[f"import os; print([os.environ[name] for name in {names}])"] * 2)
    said = [process.stdout.read().strip() for process in processes if process.stdout]
    stop(processes)
    assert said == ["['0', '0', '2', '2']", "['1', '1', '2', '2']"]


def test_a_run_without_a_checkpoint_cannot_go_on(tmp_path: Path) -> None:
    assert how_to_go_on(tmp_path) == "There was no checkpoint yet; nothing is kept."


@pytest.fixture
def place(tmp_path: Path, blobs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "blobs.csv").write_bytes(blobs.read_bytes())
    return tmp_path


@pytest.fixture
def training(place: Path) -> Iterator[subprocess.Popen[str]]:
    """A long training in two processes that has saved a checkpoint."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *shlex.split(LINE), "--epochs", "100000"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not Path("run/checkpoints/step-00000005.safetensors").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    yield process
    if process.poll() is None:
        process.kill()
        process.communicate()


def children(process: subprocess.Popen[str]) -> list[int]:
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(pid) for pid in found]


def ended(pids: list[int]) -> bool:
    end = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to find child processes")
def test_a_process_that_is_killed_ends_the_command_with_a_sentence_and_the_run_goes_on(
    training: subprocess.Popen[str], capsys: pytest.CaptureFixture[str]
) -> None:
    pids = children(training)
    os.kill(pids[1], signal.SIGKILL)
    began = time.monotonic()
    said = training.communicate(timeout=60)[1].splitlines()[-1]
    assert time.monotonic() - began < 20
    assert training.returncode == 1
    assert said.startswith("nebulatent: Process 1 of 2 (counted from 0) was killed by SIGKILL;")
    assert said.endswith("Go on with: nebulatent fit --resume run")
    assert ended(pids)
    assert main(["inspect", "run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["state"] == "unfinished"
    assert found["config"]["engine"]["devices"] == 2
