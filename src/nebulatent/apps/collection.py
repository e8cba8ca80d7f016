"""The data beside a run, and what a person may call one of its samples.

A sample is named by

* a file that holds one sample: a picture, a mesh, a cloud, an array of one row;
* a folder with the pictures of one shape, if the run reads pictures of shapes;
* `DATA:ID`, a sample of other data;
* anything else is an id of the data at hand, as `embed` writes it: a file's name within a folder,
  or the number of the row where the data name none.

Data are read when they are needed first: two files can be compared without reading a folder of a
thousand others.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Shaped

from nebulatent.apps.runs.forms import reader_of
from nebulatent.apps.runs.inputs import WHITE, encoder_input, read_like
from nebulatent.apps.runs.runs import Run
from nebulatent.data.completion_pairs import SCANS
from nebulatent.data.read import DIGITS, ROOMS, SHAPES
from nebulatent.data.rows import Scaled
from nebulatent.data.shape_views import find_views, read_shape
from nebulatent.data.table import Split, Table
from nebulatent.typing import Float, Tensor

WORDS = (DIGITS, SHAPES, ROOMS, SCANS)  # data that are no file, whatever files there are
Sample = Shaped[np.ndarray, "1 *shape"]


class Collection:
    """Data for a run.

    Arguments:
        run: A complete run.
        data: What `nebulatent fit` takes as DATA.
        split: Part, where there are official parts.
    """

    def __init__(self, run: Run, data: str, split: Split) -> None:
        self.run, self.data = run, data
        self.split: Split = split

    @cached_property
    def table(self) -> Table:
        """All samples."""
        return read_like(self.run, self.data, self.split)

    def take(self, names: Sequence[str]) -> list[Float[Tensor, "1 *shape"]]:
        """Samples by their names, as the model sees samples.

        Raises:
            FileNotFoundError, ValueError: If a name is that of no sample, or of several.
        """
        found = [read_file(self.run, name) for name in names]
        if any(sample is None for sample in found):
            rows = [
                find_id(self.table.ids, name, self.data) if sample is None else 0
                for name, sample in zip(names, found, strict=True)
            ]
            found = [
                _row(self.run, self.table, row) if sample is None else sample
                for row, sample in zip(rows, found, strict=True)
            ]
        apply = self.run.config.scaling.apply
        return [apply(torch.as_tensor(sample)) for sample in found]


def read_file(run: Run, name: str) -> Sample | None:
    """The sample in a file or of other data; None if the name is an id of the data at hand.

    Raises:
        ValueError: If a file holds several samples, or data lack the id.
    """
    views = run.config.model.views
    if views is not None and name and find_views(Path(name)):
        count, size = views.shape[0], views.shape[-1]
        return Scaled(read_shape(Path(name), count, size), WHITE)[:]
    if _are_data(name):
        table = read_like(run, name, "all")
        if table.num_samples > 1:
            raise ValueError(
                f"`{name}` must hold one sample, got {table.num_samples}; name one of them, such "
                f"as `{name}:{table.ids[0]}`."
            )
        return _row(run, table, 0)
    data, _, own = name.rpartition(":")
    if not _are_data(data):
        return None
    table = read_like(run, data, "all")
    return _row(run, table, find_id(table.ids, own, data))


def code_of_sample(run: Run, sample: Float[Tensor, "1 *shape"]) -> Float[Tensor, "1 latent"]:
    """The posterior mean of a sample as the model sees it, be it a grid or pictures."""
    with torch.no_grad():
        return reader_of(run, sample).encode(sample).mean


def _row(run: Run, table: Table, row: int) -> Sample:
    """A sample as a run's encoder reads it, not yet scaled."""
    found = encoder_input(run.config.model, table)[row : row + 1]
    return found.numpy() if isinstance(found, Tensor) else found


def _are_data(name: str) -> bool:
    return name in WORDS or (name != "" and Path(name).exists())


def find_id(ids: Sequence[str], name: str, data: str) -> int:
    """The row of a sample.

    Raises:
        ValueError: If no sample has this id, or several have.

    Examples:
        >>> find_id(("cup-1", "cup-2"), "cup-2", "cups")
        1
    """
    rows = [row for row, own in enumerate(ids) if own == name]
    if not rows:
        raise ValueError(
            f"`{name}` must be a file, DATA:ID, or an id of `{data}` such as `{ids[0]}`, got none "
            "of them."
        )
    if len(rows) > 1:
        raise ValueError(
            f"`{name}` must be one sample of `{data}`, got an id that {len(rows)} samples share; "
            "give them different ids."
        )
    return rows[0]
