"""What is written while a run is trained: its metrics after each epoch, its time now and then."""

import time
from pathlib import Path

from nebulatent.apps.planning.engine import CHECKPOINTS
from nebulatent.apps.runs.runs import load_history, save_history, write_text
from nebulatent.training.fit import Step
from nebulatent.training.progress import Row
from nebulatent.training.stages import STAGE

SECONDS = "seconds.txt"
EVERY = 5.0  # seconds between two writings of the time


class Record:
    """Follows a training and keeps metrics.jsonl, metrics.csv and the time spent.

    The time is beside the checkpoints, so that a run that was killed adds up what all its parts
    took. A part's last seconds are lost when it is killed.

    Arguments:
        path: The run.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._before, self._started = saved_seconds(path), time.perf_counter()
        self._written = self._started
        self._rows = _rows_so_far(path)

    @property
    def seconds(self) -> float:
        """Time spent on the run, this part and those before."""
        return self._before + time.perf_counter() - self._started

    def step(self, step: Step) -> None:
        """Write the time if it is due."""
        if time.perf_counter() - self._written > EVERY:
            self.save_seconds()

    def epoch(self, row: Row) -> None:
        """Write the metrics of all epochs so far; a part that was lost is overwritten."""
        self._rows = [old for old in self._rows if _place(old) < _place(row)] + [row]
        save_history(self.path, self._rows)

    def rows_before(self, stage: int) -> list[Row]:
        """Rows of all stages before one."""
        return [row for row in self._rows if row.get(STAGE, 0) < stage]

    def save_seconds(self) -> None:
        """Write the time."""
        self._written = time.perf_counter()
        (self.path / CHECKPOINTS).mkdir(exist_ok=True)
        write_text(self.path / CHECKPOINTS / SECONDS, f"{self.seconds:.3f}\n")


def _place(row: Row) -> tuple[float, float]:
    """Where a row stands: its stage, 0 if there is only one, and its epoch."""
    return row.get(STAGE, 0.0), row.get("epoch", -1.0)


def saved_seconds(path: Path) -> float:
    """Time that an unfinished run has taken; 0 if nobody knows."""
    try:
        return max(0.0, float((path / CHECKPOINTS / SECONDS).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return 0.0


def _rows_so_far(path: Path) -> list[Row]:
    """Rows of a run that goes on; its checkpoint has them too, and they are written at the end."""
    try:
        return load_history(path)
    except ValueError:
        return []
