"""Paths between test shapes of different classes, straight lines among codes, decoded."""

from typing import Any

import numpy as np
import torch
from jaxtyping import Int

from nebulatent.apps.recipes.grid_coders import Coder, Grids, pack_grids
from nebulatent.apps.recipes.voxel_data import VoxelData, coarse
from nebulatent.apps.recipes.voxel_measuring import VOXEL, named
from nebulatent.evaluation.grid_paths import Paths, path_measures
from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.voxels import agreement, iou
from nebulatent.ops.latent_walks import interpolate

PAIRS, STEPS, SEED = 64, 9, 0
SHOWN = 4
ENDS = "IoU of ends"


def unlike_pairs(
    label: Int[np.ndarray, " shapes"], count: int = PAIRS
) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]:
    """Rows of shapes and of others that are of another class, the same for every model and seed.

    Raises:
        ValueError: If there is one class only.

    Examples:
        >>> first, second = unlike_pairs(np.array([0, 0, 1]), 5)
        >>> len(first), bool((np.array([0, 0, 1])[first] != np.array([0, 0, 1])[second]).all())
        (5, True)
    """
    if (label == label[0]).all():
        raise ValueError("`label` must have at least two classes, got one.")
    rng = np.random.default_rng(SEED)
    first = np.resize(rng.permutation(len(label)), count)
    return first, np.array([rng.choice(np.flatnonzero(label != label[row])) for row in first])


def walk(coder: Coder, data: VoxelData, count: int = PAIRS) -> tuple[Paths, Grids, Grids]:
    """Paths between test shapes of different classes, and the shapes at which they should end."""
    first, second = unlike_pairs(data.test.label, count)
    cells = coarse(data.test.cells, data.resolution)
    a, b = cells[first], cells[second]
    path = interpolate(coder.encode(a), coder.encode(b), torch.linspace(0, 1, STEPS))
    return coder.decode(path.flatten(0, 1)).reshape(count, STEPS, *cells.shape[1:]), a, b


def walk_measures(coder: Coder, data: VoxelData) -> list[Measure]:
    """How smooth paths are, whether bodies lie on them, and whether they end where they should."""
    paths, a, b = walk(coder, data)
    true = torch.from_numpy(np.concatenate([a, b]))
    ends = torch.from_numpy(np.concatenate([paths[:, 0], paths[:, -1]]))
    near = iou(agreement(true, ends.float()))
    text = f"IoU of a path's ends and the shapes they stand for, mean over {len(true)} ends."
    found = [Measure(ENDS, near, "higher", "", text, False), *path_measures(paths)]
    return named(VOXEL, [m._replace(uses_labels=True) for m in found])  # classes choose the pairs


def walk_arrays(coder: Coder, data: VoxelData) -> dict[str, Any]:
    """The first paths, with the true shapes at both ends, for a figure."""
    paths, a, b = walk(coder, data, SHOWN)
    return {"walks": pack_grids(np.concatenate([a[:, None], paths, b[:, None]], axis=1))}
