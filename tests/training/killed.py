"""Runs that other processes carry out, to be killed: see `test_kill`."""

import os
import signal
import time
from multiprocessing.synchronize import Event
from pathlib import Path

from nebulatent.data.batch import Batches
from nebulatent.training import tensor_files
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import Step, fit
from nebulatent.training.tensor_files import save_tensors
from training.runs import data, every, nvc_ml

CONFIG = FitConfig(epochs=6, lr=1e-2, seed=5, ema=0.9)
RESULT = "result.safetensors"


def long_data(workers: int) -> Batches:
    """120 vectors in 15 batches, read ahead by workers."""
    x = data().x.repeat(4, 1)
    return Batches(x, batch_size=8, seed=2, num_workers=workers)


def run(
    folder: Path,
    workers: int = 0,
    die_at_write: int = 0,
    steps: int = 0,
    reached: Event | None = None,
) -> None:
    """Train to the end, from where the folder's run stands, and write what came out.

    Arguments:
        folder: Of the checkpoints and the result.
        workers: Processes that read ahead.
        die_at_write: Number of the file whose writing kills this process; even numbers before the
            file gets its name, odd ones after. 0 for none.
        steps: After how many steps to set `reached`, and then to go slowly.
        reached: Tells the killer that it may.
    """
    writes = 0
    replace = os.replace

    def replace_or_die(source: str, target: str) -> None:
        nonlocal writes
        writes += 1
        if writes == die_at_write and writes % 2 == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)
        if writes == die_at_write:
            os.kill(os.getpid(), signal.SIGKILL)

    done = 0

    def wait(step: Step) -> None:
        nonlocal done
        done += 1
        if reached is not None and done >= steps:
            reached.set()
            time.sleep(0.01)

    tensor_files.os.replace = replace_or_die
    method = nvc_ml(seed=0 if not (folder / "checkpoints").exists() else 3)
    history = fit(method, long_data(workers), CONFIG, saving=every(2, folder), on_step=wait)
    tensor_files.os.replace = replace
    save_tensors(folder / RESULT, method.state_dict(), {"history": history})
