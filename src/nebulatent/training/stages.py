"""Several trainings in a row, each with a folder of its own, so that any of them can be killed.

A stage is one `fit`. A run that was stopped carries out all its stages again; one that is finished
finds its last checkpoint and is over at once, with the same bits and the same history. What is
computed between two stages is kept in a file of its own.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from torch import nn

from nebulatent.data.batch import Batches
from nebulatent.training.checkpoints import Saving
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import OnEpoch, OnStep, Step, fit
from nebulatent.training.progress import Row
from nebulatent.training.tensor_files import load_tensors, save_tensors
from nebulatent.typing import Tensor

if TYPE_CHECKING:
    from lightning_fabric import Fabric

STAGE = "stage"  # in a row of the history: the number of its stage


class Stage(NamedTuple):
    """One of several trainings.

    Arguments:
        name: What it is called, a folder's name too.
        number: Its place among the stages, from 0.
        method: What is trained.
        batches: On what.
        config: How long and how fast.
    """

    name: str
    number: int
    method: nn.Module
    batches: Batches
    config: FitConfig


Follow = Callable[[Stage], AbstractContextManager[tuple[OnStep, OnEpoch]]]
Calculate = Callable[[], dict[str, Tensor]]


@contextmanager
def unfollowed(stage: Stage) -> Iterator[tuple[OnStep, OnEpoch]]:
    """Nobody follows."""

    def ignore(what: Step | Row) -> None:
        pass

    yield ignore, ignore


@dataclass(frozen=True, kw_only=True)
class Stages:
    """How stages are carried out: on what device, where they are saved, who follows them."""

    fabric: "Fabric | None" = None
    """Device and precision; one CPU process in 32 bits if missing."""
    saving: Saving | None = None
    """The folder in which each stage has its own."""
    follow: Follow = unfollowed
    """Entered with a stage, it gives what to call after each of its steps and epochs."""

    def fit(self, stage: Stage) -> list[Row]:
        """Train a stage, or the rest of it; its rows say which stage they are of."""
        saving = self.saving
        if saving is not None:
            saving = replace(saving, folder=saving.folder / stage.name)
        with self.follow(stage) as (on_step, on_epoch):

            def tell(row: Row) -> None:
                row[STAGE] = float(stage.number)
                on_epoch(row)

            return fit(
                stage.method,
                stage.batches,
                stage.config,
                fabric=self.fabric,
                saving=saving,
                on_step=on_step,
                on_epoch=tell,
            )

    def keep(self, name: str, calculate: Calculate) -> dict[str, Tensor]:
        """What is calculated between stages: read back if it was calculated before.

        Raises:
            ValueError: If the file is damaged.
        """
        if self.saving is None:
            return calculate()
        path = self.saving.folder / f"{name}.safetensors"
        if path.is_file():
            return load_tensors(path)[0]
        tensors = calculate()
        path.parent.mkdir(parents=True, exist_ok=True)
        save_tensors(path, tensors, {})
        return tensors


IN_MEMORY = Stages()
