"""HDF5 files of clouds with labels, as several benchmarks hand them out.

Arrays: `data` (clouds × points × columns), `label` (a class, or a label for each point), `pid` (a
part for each point), `mask` (−1 where a point is background). What is a class and what they are
called, the modules of the benchmarks say.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from nebulatent.data.clouds.hdf5 import H5Array, H5Rows, read_h5_arrays, read_whole
from nebulatent.data.clouds.points import UNIT_SPHERE
from nebulatent.data.clouds.rows import StoredClouds, points_of
from nebulatent.data.labels import Values
from nebulatent.data.rows import held, lazy_note
from nebulatent.data.table import NO_SPLIT, PointLabels, Table, build_table

H5 = (".h5", ".hdf5")
MAX_LIST = 1 << 20  # bytes of a list of names


class H5Set(NamedTuple):
    """Files of one split, read but for their clouds.

    Arguments:
        clouds: Of all files, one file after the other.
        label: One per cloud, a number from 0; None if the files have none.
        points: Labels of points, a number from 0; None if the files have none.
    """

    clouds: H5Rows
    label: Int[np.ndarray, " clouds"] | None
    points: Int[np.ndarray, "clouds points"] | None


def open_h5_set(paths: Sequence[Path]) -> H5Set:
    """What these files hold together.

    Raises:
        ValueError: If a file is damaged, has no clouds, or labels that do not belong to them.
    """
    files = [read_h5_arrays(path) for path in paths]
    for path, arrays in zip(paths, files, strict=True):
        shape = arrays["data"].shape if "data" in arrays else ()
        if len(shape) != 3 or shape[2] < 3 or 0 in shape:
            raise ValueError(
                f"`{path}` must hold an array data of clouds × points × 3 (or more columns), got "
                f"{_listed(arrays)}."
            )
    clouds = H5Rows([arrays["data"] for arrays in files])
    label, points = _joined(files, "label"), _joined(files, "pid")
    if (
        label is not None
        and label.ndim == 2
        and label.shape == clouds.shape[:2]
        and label.shape[1] > 1
    ):
        label, points = None, label
    for values in (label, points):
        if values is not None and len(values) != len(clouds):
            raise ValueError(
                f"labels in `{paths[0]}` must be one per cloud ({len(clouds)}), got {len(values)}."
            )
    return H5Set(clouds, label, points)


def h5_table(
    found: H5Set,
    source: Path,
    names: Sequence[str],
    num_points: int | None,
    lazy: bool | None,
    notes: tuple[str, ...],
    parts: Sequence[str] = (),
) -> Table:
    """The table of such files, its clouds in the unit sphere.

    Arguments:
        found: What the files hold.
        source: File or folder, for messages.
        names: Of the classes; none means their numbers.
        num_points: The first so many points of each cloud; None for all.
        lazy: As in :func:`nebulatent.data.read.read`.
        notes: What the layout wants people to know.
        parts: Names of what points belong to; none leaves their labels out.

    Raises:
        ValueError: If a label has no name, or `num_points` is too large.
    """
    count = points_of(found.clouds.shape[1], num_points, str(source))
    x = held(StoredClouds(found.clouds, count), lazy, str(source))
    labels = None if found.points is None or not parts else found.points[:, :count]
    return build_table(
        x,
        source=str(source),
        labels=name_labels(found.label, names, source),
        notes=(*notes, *lazy_note(x), UNIT_SPHERE),
        point_labels=None if labels is None else PointLabels(labels, tuple(parts)),
    )


def read_h5_file(path: Path, num_points: int | None, lazy: bool | None = None) -> Table:
    """One file of clouds, labels as numbers."""
    return h5_table(open_h5_set([path]), path, (), num_points, lazy, (NO_SPLIT,))


def name_labels(
    label: Int[np.ndarray, " clouds"] | None, names: Sequence[str], source: Path
) -> Values | None:
    """Names of class numbers; the numbers themselves if there are no names.

    Raises:
        ValueError: If a number has no name.
    """
    if label is None or not names:
        return label
    numbers = label.reshape(-1).tolist()
    if min(numbers) < 0 or max(numbers) >= len(names):
        raise ValueError(
            f"labels in `{source}` must number its {len(names)} classes from 0, got "
            f"{min(numbers)} to {max(numbers)}; the list of classes is of another data set."
        )
    return [str(names[number]) for number in numbers]


def read_lines(path: Path) -> list[str]:
    """Lines of a list, without blanks and empty ones.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it is far longer than a list is.
    """
    if not path.is_file():
        raise FileNotFoundError(f"`{path}` must be a list of names, got nothing of that name.")
    if (size := path.stat().st_size) > MAX_LIST:
        raise ValueError(f"`{path}` must be a list of at most {MAX_LIST} bytes, got {size}.")
    lines = path.read_bytes().decode("utf-8", "replace").splitlines()
    return [line.strip() for line in lines if line.strip()]


def listed_files(listing: Path) -> list[Path]:
    """The files that a list names, by their names alone: they lie beside it, whatever it says.

    Raises:
        FileNotFoundError: If the list, or a file, is not there.
        ValueError: If the list names none.
    """
    paths = [listing.parent / Path(line).name for line in read_lines(listing)]
    if not paths:
        raise ValueError(f"`{listing}` must name files, got an empty list.")
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(
                f"`{path}` must be there, as `{listing.name}` says, got no file."
            )
    return paths


def _joined(files: list[dict[str, H5Array]], name: str) -> Int[np.ndarray, "clouds ..."] | None:
    if any(name not in arrays for arrays in files):
        return None
    parts = [read_whole(arrays[name]) for arrays in files if arrays[name].shape]
    if any(part.dtype.kind not in "iu" or part.ndim > 2 for part in parts) or len(parts) < len(
        files
    ):
        raise ValueError(f"`{files[0][name]}` must hold whole numbers, one or a row per cloud.")
    if len({part.shape[1:] for part in parts}) > 1:
        raise ValueError(f"`{files[0][name]}` must have one shape in all files, got several.")
    whole = np.concatenate(parts)
    return whole[:, 0] if whole.ndim == 2 and whole.shape[1] == 1 else whole


def _listed(arrays: dict[str, H5Array]) -> str:
    shapes = [f"{name} {list(array.shape)}" for name, array in arrays.items()]
    return ", ".join(shapes[:8]) or "no arrays of numbers"
