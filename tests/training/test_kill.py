"""SIGKILL at any instant, a checkpoint's writing included: the run ends in the same bits."""

import multiprocessing
import random
import time
from pathlib import Path

import pytest

from nebulatent.training.tensor_files import load_tensors
from training import killed
from training.runs import equal

KILLS = 12  # by the clock; and 4 more inside the writing of a checkpoint


CONTEXT = multiprocessing.get_context("forkserver")  # starts processes that have imported torch
CONTEXT.set_forkserver_preload(["training.killed"])


def start(*arguments: object) -> multiprocessing.process.BaseProcess:
    """A fresh process that trains."""
    process = CONTEXT.Process(target=killed.run, args=arguments)
    process.start()
    return process


def test_run_that_is_killed_again_and_again_ends_in_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NVC-ML with two workers, whose order of data and whose warm-up must come back too."""
    # The server that forks them finds what to import by this alone (Python 3.11).
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    undisturbed = start(whole)
    undisturbed.join()
    assert undisturbed.exitcode == 0

    instants, died = random.Random(7), 0
    for write in (2, 3, 4, 5):
        process = start(broken, 2, write)
        process.join()
        died += process.exitcode == -9
    assert died == 4
    checkpoints = set()
    for _ in range(KILLS):
        steps, reached = instants.randrange(7), CONTEXT.Event()
        process = start(broken, 2, 0, steps, reached)
        if steps:  # else it may not even have begun
            reached.wait()
        time.sleep(instants.uniform(0, 0.05))
        process.kill()
        process.join()
        died += process.exitcode == -9
        checkpoints |= {path.name for path in (broken / "checkpoints").glob("step-*")}
    assert died >= 10 and len(checkpoints) > 5, (died, checkpoints)
    assert len(list((broken / "checkpoints").iterdir())) <= 4  # with at most one unfinished file

    last = start(broken, 2)
    last.join()
    assert last.exitcode == 0
    tensors, header = load_tensors(broken / killed.RESULT)
    expected, rows = load_tensors(whole / killed.RESULT)
    assert equal(tensors, expected) and header["history"] == rows["history"]
    assert not list((broken / "checkpoints").glob("*.part"))
