"""Occupancy grids in an `.npz` file: cells that are filled or empty, labels where there are any.

The grids are the entry named `x`, `data`, `voxels` or `arr_0`, of shape N×D×H×W with values 0 and 1
(or false and true); labels and their names are those of :mod:`.arrays`.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Shaped

from nebulatent.data.arrays import CLASSES, LABELS, load_entries, read_headers
from nebulatent.data.labels import encode_labels

GRIDS = ("x", "data", "voxels", "arr_0")


class VoxelArrays(NamedTuple):
    """Grids of one file.

    Arguments:
        cells: Which are filled.
        label: One per grid, an index into `names`; for evaluation only. None if there are none.
        names: The labels as written in the file.
    """

    cells: Bool[np.ndarray, "grids x y z"]
    label: Int[np.ndarray, " grids"] | None
    names: tuple[str, ...]


def read_voxel_arrays(path: Path) -> VoxelArrays:
    """Read the grids of an `.npz` file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged, holds Python objects, or does not hold grids.
    """
    if not path.is_file():
        raise FileNotFoundError(f"`{path}` must be an .npz file of grids, got no file there.")
    headers = read_headers(path)
    present = {name.lower(): name for name in headers}
    grids, labels, classes = (
        next((present[name] for name in names if name in present), "")
        for names in (GRIDS, LABELS, CLASSES)
    )
    if not grids:
        raise ValueError(
            f"`{path}` must hold grids named {', '.join(GRIDS[:-1])} or {GRIDS[-1]}, got "
            f"{', '.join(headers) or 'no array'}; rename an entry."
        )
    header = headers[grids]
    if len(header.shape) != 4 or 0 in header.shape or header.dtype.kind not in "biu":
        shape = "×".join(map(str, header.shape)) or "a single number"
        raise ValueError(
            f"`{grids}` in `{path}` must be grids, N×D×H×W of 0 and 1, got {shape} of type "
            f"{header.dtype}."
        )
    arrays = load_entries(path, [name for name in (grids, labels, classes) if name])
    cells = _filled(arrays[grids], f"{path}, entry '{grids}'")
    if not labels:
        return VoxelArrays(cells, None, ())
    named = _named(arrays[labels], arrays.get(classes), path)
    label, names = encode_labels(named, str(path))
    if len(label) != len(cells):
        raise ValueError(
            f"labels in `{path}` must be one per grid ({len(cells)}), got {len(label)}; check that "
            "both belong together."
        )
    return VoxelArrays(cells, label, names)


def _filled(stored: Shaped[np.ndarray, "grids x y z"], source: str) -> Bool[np.ndarray, "..."]:
    if stored.dtype != bool and not (stored.min() >= 0 and stored.max() <= 1):
        raise ValueError(
            f"`{source}` must hold 0 (empty) and 1 (filled) only, got {stored.min()} to "
            f"{stored.max()}; threshold it first."
        )
    return stored.astype(bool)


def _named(
    labels: Shaped[np.ndarray, "..."], classes: Shaped[np.ndarray, "..."] | None, path: Path
) -> Shaped[np.ndarray, "..."]:
    """Labels as stored, or the names of those that number an array of names."""
    if classes is None or labels.dtype.kind not in "iu":
        return labels
    if classes.ndim != 1 or not labels.size or not 0 <= labels.min() <= labels.max() < len(classes):
        raise ValueError(
            f"labels in `{path}` must number its {classes.size} classes from 0, got "
            f"{np.unique(labels)[:5].tolist()}; correct them or leave the names out."
        )
    return classes[labels]
