"""Batches read ahead by other processes: the same to the bit, and no harm done."""

import functools
import multiprocessing
import os
import pickle
import signal
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from nebulatent.data import views, workers
from nebulatent.data.batch import Batch, Batches
from nebulatent.data.read import read
from nebulatent.data.scaling import fit_scaling

X = torch.rand(50, 6, generator=torch.Generator().manual_seed(0))


def equal(one: Iterator[Batch], other: Iterator[Batch]) -> bool:
    return all(
        (mine is None and theirs is None) or torch.equal(mine, theirs)
        for first, second in zip(one, other, strict=True)
        for mine, theirs in zip(first, second, strict=True)
    )


@pytest.mark.parametrize("view", [None, views.mask, views.gaussian])
@pytest.mark.parametrize("start", [0, 3, 6, 7])
def test_workers_change_no_number(
    view: Callable[[Tensor, torch.Generator], Tensor] | None, start: int
) -> None:
    here, there = (
        Batches(X, torch.arange(50), batch_size=8, seed=4, view=view, num_workers=count)
        for count in (0, 2)
    )
    assert len(here) == 7
    assert equal(here.epoch(1, start), there.epoch(1, start))
    assert len(list(there.epoch(1, start))) == 7 - start


def test_rows_on_disk_are_read_by_workers(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X.numpy())
    lazy, eager = (read(tmp_path / "a.npy", lazy=choice) for choice in (True, False))
    scale = fit_scaling(eager).apply
    one = Batches(eager.x, batch_size=8, prepare=scale, view=views.gaussian)
    two = Batches(lazy.x, batch_size=8, prepare=scale, view=views.gaussian, num_workers=2)
    assert equal(one.epoch(0), two.epoch(0))
    assert torch.equal(one.sample(9).x, two.sample(9).x)


def test_batches_can_be_sent_to_a_process_that_shares_no_memory(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for i in range(3):
            path = tmp_path / "pictures" / f"{i}.png"
            Image.fromarray(np.full((4, 5), 50 * i, dtype=np.uint8)).save(path)
            tar.add(path, path.name)
    np.save(tmp_path / "a.npy", X.numpy())
    for name in ("pictures", "a.tar", "a.npy"):
        table = read(tmp_path / name, lazy=True)
        batches = Batches(table.x, prepare=fit_scaling(table).apply, view=views.mask)
        again = pickle.loads(pickle.dumps(batches))
        assert torch.equal(batches.batch(0, 0).x, again.batch(0, 0).x)


def test_workers_do_not_touch_the_global_state() -> None:
    state = torch.get_rng_state()
    list(Batches(X, batch_size=20, num_workers=1).epoch(0))
    assert torch.equal(torch.get_rng_state(), state)


def test_an_epoch_left_early_leaves_no_process() -> None:
    batches = Batches(X, batch_size=2, num_workers=2).epoch(0)
    next(batches)
    assert len(multiprocessing.active_children()) == 2
    batches.close()
    assert multiprocessing.active_children() == []


def _fail(x: Tensor, after: float) -> Tensor:
    if (x > after).any():
        raise ValueError("`x` must be small, got more; scale it.")
    return x


def test_an_error_in_a_worker_keeps_its_sentence() -> None:
    batches = Batches(X, batch_size=8, num_workers=2, prepare=functools.partial(_fail, after=0.9))
    with pytest.raises(ValueError) as caught:
        list(batches.epoch(0))
    assert str(caught.value) == "`x` must be small, got more; scale it."
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_to_all_processes_leave_the_step_its_batches(number: signal.Signals) -> None:
    batches = Batches(X, batch_size=8, num_workers=2)
    found = []
    for batch in batches.epoch(0):
        if not found:
            for child in multiprocessing.active_children():
                assert child.pid is not None
                os.kill(child.pid, number)
        found.append(batch)
    assert equal(iter(found), batches.epoch(0))


def test_signals_reach_the_main_process_again_once_workers_have_started() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    for _ in Batches(X, batch_size=20, num_workers=1).epoch(0):
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_a_worker_told_to_end_does_so_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "GRACE_SECONDS", 0.1)
    batches = Batches(X, batch_size=1, num_workers=1).epoch(0)
    next(batches)
    (child,) = multiprocessing.active_children()
    child.terminate()
    child.join(5)
    assert child.exitcode == 0
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        while True:
            next(batches)


def test_a_negative_number_of_workers_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`num_workers` must not be negative, got -1\."):
        Batches(X, num_workers=-1)
