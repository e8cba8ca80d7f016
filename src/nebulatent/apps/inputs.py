"""Data for a trained run: read as its training data were, and refused if they do not fit."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from nebulatent.apps.runs import Run
from nebulatent.data.idx import find_idx_sets
from nebulatent.data.read import read
from nebulatent.data.rows import Rows
from nebulatent.data.scaling import check_like
from nebulatent.data.shards import TAR
from nebulatent.data.table import Split, Table
from nebulatent.typing import Int, Tensor


def read_like(run: Run, data: str, split: Split) -> Table:
    """Read data for a run; pictures in a folder are brought to the size of its training images.

    Raises:
        ValueError: If the samples have another shape than the run's.
    """
    table = read(data, split=split, image_size=_image_size(run, Path(data)), trainable=False)
    check_like(table, run.config.model.shape)
    return table


def samples(x: Rows) -> Tensor | Rows:
    """Samples as training and encoding want them: a tensor of the same memory, if in memory."""
    return torch.from_numpy(x) if isinstance(x, np.ndarray) else x


def _image_size(run: Run, path: Path) -> int | None:
    shape = run.config.model.shape
    pictures = path.suffix.lower() == TAR or (path.is_dir() and not find_idx_sets(path))
    return shape[1] if pictures and len(shape) == 3 and shape[1] == shape[2] else None


def condition(run: Run, table: Table) -> Int[Tensor, " samples"] | None:
    """The classes by their numbers in training, for a conditional decoder; None for any other.

    Raises:
        ValueError: If it needs labels and the data have none, or others than in training.
    """
    if run.config.model.host != "cvae":
        return None
    if table.label is None:
        raise ValueError("`data` must have labels for a conditional model, got none.")
    label = with_label_names(table, run.config.data.label_names).label
    return None if label is None else torch.from_numpy(label)


def with_label_names(table: Table, names: Sequence[str]) -> Table:
    """The table with its labels numbered as in `names`: files number only what they hold.

    Raises:
        ValueError: If a label is not among the names.
    """
    if table.label is None or table.label_names == tuple(names):
        return table
    unknown = sorted(set(table.label_names) - set(names))
    if unknown:
        raise ValueError(
            f"`data` must have labels of the training data ({', '.join(names)}), "
            f"got {unknown[0]}; train a new model."
        )
    numbers = np.array([names.index(name) for name in table.label_names], np.int64)
    return table._replace(label=numbers[table.label], label_names=tuple(names))
