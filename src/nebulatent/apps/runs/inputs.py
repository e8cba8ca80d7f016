"""Data for a trained run: read as its training data were, and refused if they do not fit."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from nebulatent.apps.planning.model_config import ModelConfig, Poses
from nebulatent.apps.planning.view_plan import PICTURED, SWITCHED
from nebulatent.apps.runs.runs import Run
from nebulatent.data.clouds.folder import find_shapes
from nebulatent.data.clouds.hdf5_sets import H5
from nebulatent.data.clouds.layouts import find_layout
from nebulatent.data.clouds.principal_axes import in_principal_axes
from nebulatent.data.completion_pairs import are_pairs, read_pairs
from nebulatent.data.geometry.files import EXTENSIONS
from nebulatent.data.idx import find_idx_sets
from nebulatent.data.pictures import EXTENSIONS as PICTURES
from nebulatent.data.read import ROOMS, SHAPES, read
from nebulatent.data.rows import Rows, Scaled
from nebulatent.data.scaling import check_like
from nebulatent.data.scan_files import read_scans
from nebulatent.data.shape_views import has_views
from nebulatent.data.shards import TAR
from nebulatent.data.table import Split, Table
from nebulatent.typing import Int, Tensor

WHITE = 255  # of a picture's bytes


def read_like(run: Run, data: str, split: Split) -> Table:
    """Read data for a run, in the form of its training data.

    Clouds are turned into the poses that the run was trained on. Pictures in a folder
    are brought to the size of its training images, grids to as many cells as its training grids
    have, and as many points are drawn from a mesh as its training clouds have. Pictures are read
    beside grids if the model reads both and they are there. A model that completes grids is given
    partial ones, and whole ones beside them where the data are pairs.

    Raises:
        ValueError: If the samples have another shape than the run's, or lack the pictures that a
            model needs.
    """
    if run.config.model.completion is not None:
        side = run.config.model.shape[-1]
        if are_pairs(data):
            return read_pairs(data, split=split, resolution=side)
        return read_scans(Path(data), side)
    table = read(
        data,
        split=split,
        image_size=_image_size(run, Path(data)),
        num_points=_num_points(run, data),
        resolution=_resolution(run),
        views=_views(run, Path(data)),
        trainable=False,
    )
    if table.kind == "points":
        table = in_poses(table, run.config.data.poses, data)
    check_like(table, run.config.model.shape)
    return table


def in_poses(table: Table, poses: Poses, source: str) -> Table:
    """The samples as a model is given them: clouds in other poses, if asked for.

    Raises:
        ValueError: If other samples than clouds are to be turned.
    """
    if poses == "as-stored":
        return table
    if table.kind != "points":
        raise ValueError(
            f"`poses` {poses} must go with clouds of points, got {table.kind} in `{source}`; leave "
            "it out."
        )
    return in_principal_axes(table)


def encoder_input(model: ModelConfig, table: Table) -> Tensor | Rows:
    """What a model's encoder reads of samples: the samples, or pictures of them as shares of white.

    `Scaling.apply` is what it sees then; it leaves such shares as they are.

    Raises:
        ValueError: If it reads pictures and there are none.
    """
    return pictures_of(table) if model.host == PICTURED else samples(table.x)


def target(model: ModelConfig, table: Table) -> Rows | None:
    """What a model must rebuild of samples, if that is not what its encoder reads.

    Raises:
        ValueError: If it completes grids and there are no whole ones.
    """
    if model.completion is not None:
        return whole_of(table)
    return Scaled(table.x, 1) if model.host == PICTURED else None


def whole_of(table: Table) -> Rows:
    """The whole grids beside partial ones.

    Raises:
        ValueError: If there are none.
    """
    if table.whole is None:
        raise ValueError(
            "`data` must have whole grids beside the partial ones, got partial ones alone; "
            "`nebulatent complete` needs no others."
        )
    return table.whole


def pictures_of(table: Table) -> Rows:
    """Pictures of samples, as shares of white.

    Raises:
        ValueError: If there are none.
    """
    if table.views is None:
        raise ValueError("`data` must have pictures of shapes beside their grids, got none.")
    return Scaled(table.views, WHITE)


def samples(x: Rows) -> Tensor | Rows:
    """Samples as training and encoding want them: a tensor of the same memory, if in memory."""
    return torch.from_numpy(x) if isinstance(x, np.ndarray) else x


def _image_size(run: Run, path: Path) -> int | None:
    shape, views = run.config.model.shape, run.config.model.views
    if views is not None:
        return views.shape[-1] if _views(run, path) else None
    pictures = path.suffix.lower() in (TAR, *PICTURES)
    pictures |= path.is_dir() and not find_idx_sets(path)
    return shape[1] if pictures and len(shape) == 3 and shape[1] == shape[2] else None


def _views(run: Run, path: Path) -> int:
    """Pictures to read of each shape; a model that reads grids too can do without."""
    views = run.config.model.views
    if views is None or (run.config.model.host == SWITCHED and not has_views(path)):
        return 0
    return views.shape[0]


def _resolution(run: Run) -> int | None:
    shape = run.config.model.shape
    return shape[-1] if len(shape) == 4 else None


def _num_points(run: Run, data: str) -> int | None:
    shape, path = run.config.model.shape, Path(data)
    if len(shape) != 2:
        return None
    drawn = path.suffix.lower() in (*EXTENSIONS, *H5) or data in (SHAPES, ROOMS)
    if not drawn and path.is_dir():
        drawn = find_layout(path) is not None or bool(find_shapes(path))
    return shape[0] if drawn else None


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
