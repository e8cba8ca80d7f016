"""What a run makes of partial grids, and how well, beside answers that need no network."""

from collections.abc import Iterator

import numpy as np
import torch

from nebulatent.apps.runs.inputs import whole_of
from nebulatent.apps.runs.runs import Run
from nebulatent.data.rows import Rows, blocks
from nebulatent.data.table import Table
from nebulatent.data.voxel_pairs import PackedGrids
from nebulatent.evaluation.completion import Completer, chances, completion_measures
from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.trivial_completion import mean_shape, most_similar
from nebulatent.evaluation.voxels import THRESHOLD, voxel_measures
from nebulatent.typing import Tensor

SEEN, MEAN, NEAREST = "what is seen", "mean shape", "most similar view"
ROWS = 64  # grids that are unpacked at a time


def check_completes(run: Run) -> Completer:
    """The model of a run, if it completes grids.

    Raises:
        ValueError: If it does not.
    """
    if run.config.model.completion is None or not isinstance(run.model, Completer):
        raise ValueError(
            "`RUN` must be of a method that completes grids, rec-ae or rec-gan, got "
            f"{run.config.model.method}; train one on pairs of partial and whole grids."
        )
    return run.model


def complete(run: Run, partial: Rows, threshold: float = THRESHOLD) -> PackedGrids:
    """The cells that are said to be filled: those whose probability exceeds the threshold.

    Raises:
        ValueError: If the run does not complete grids.
    """
    model = check_completes(run)
    return PackedGrids.of_all(chance > threshold for chance in chances(model, partial))


def completed_measures(run: Run, table: Table) -> list[Measure]:
    """How well a run completes the partial grids of a table that has the whole ones."""
    whole_of(table)
    return _measured(complete(run, table.x), table)


def trivial_measures(table: Table, reference: Table | None) -> dict[str, list[Measure]]:
    """The same of what is seen itself, and with other pairs of the mean shape and of look-up.

    Arguments:
        table: What is completed.
        reference: Other pairs, from which mean shape and the most similar view are taken.
    """
    seen, found = table.x, {SEEN: _measured(table.x, table)}
    if reference is None:
        return found
    known = whole_of(reference)
    mean, nearest = mean_shape(known), most_similar(reference.x, seen)
    steps = [slice(start, start + ROWS) for start in range(0, len(seen), ROWS)]
    found[MEAN] = _measured(PackedGrids.of_all(part | mean for part in blocks(seen)), table)
    looked_up = PackedGrids.of_all(seen[step] | known[nearest[step]] for step in steps)
    return {**found, NEAREST: _measured(looked_up, table)}


def _measured(answer: Rows, table: Table) -> list[Measure]:
    whole, label, names = whole_of(table), table.label, table.label_names
    if label is None:
        label, names = np.zeros(len(whole), np.int64), ("all",)
    own = voxel_measures(_compared(answer, whole))
    return [*own, *completion_measures(answer, table.x, whole, label, names)]


def _compared(answer: Rows, whole: Rows) -> Iterator[tuple[Tensor, Tensor]]:
    for start in range(0, len(whole), ROWS):
        rows = slice(start, start + ROWS)
        yield torch.from_numpy(whole[rows]), torch.from_numpy(answer[rows]).float()
