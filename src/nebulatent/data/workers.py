"""Processes that read batches ahead, each the same as if it were read here."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch.utils.data import DataLoader

if TYPE_CHECKING:
    from nebulatent.data.batch import Batch, Batches

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE_SECONDS = 5.0  # that a worker outlives the signal that ends a job


class _Epoch:
    """The batches of one epoch, as a data loader asks for them.

    An error is handed over as an object: a data loader would wrap its sentence in a traceback.
    """

    def __init__(self, batches: "Batches", epoch: int) -> None:
        self._batches, self._epoch = batches, epoch

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: int) -> "Batch | Exception":
        try:
            return self._batches.batch(self._epoch, index)
        except (ValueError, OSError) as error:
            return error


def read_ahead(batches: "Batches", epoch: int, start: int) -> Iterator["Batch"]:
    """The batches of an epoch from number `start`, read ahead by `batches.num_workers` processes.

    Raises:
        FileNotFoundError: If a file of samples is gone.
        ValueError: If samples can no longer be read.
    """
    loader = DataLoader(
        _Epoch(batches, epoch),  # pyright: ignore[reportArgumentType]
        batch_size=None,
        sampler=range(start, len(batches)),
        num_workers=min(batches.num_workers, len(batches) - start),
        collate_fn=_as_it_is,  # pyright: ignore[reportArgumentType]
        worker_init_fn=_begin_worker,
        # Where a process was spawned, its workers would be spawned too, at seconds an epoch.
        multiprocessing_context="fork" if sys.platform == "linux" else None,
        generator=torch.Generator(),  # else each epoch would advance the global random state
    )
    with _signals_held():
        items = iter(loader)
    try:
        for item in items:
            if isinstance(item, Exception):
                raise item
            yield item
    finally:
        del items  # ends the workers now: the traceback of an error would keep them


def _as_it_is(item: "Batch | Exception") -> "Batch | Exception":
    return item


@contextmanager
def _signals_held() -> Iterator[None]:
    """Let signals wait while workers start: a worker not yet ready for them would die of them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(worker: int) -> None:
    """Leave Ctrl-C to the main process, and give it time to finish its step when a job is ended.

    Both signals reach every process of a terminal or of a cluster's job; a worker that died of them
    would take the step with it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: _leave_later())
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _leave_later() -> None:
    timer = threading.Timer(GRACE_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()
