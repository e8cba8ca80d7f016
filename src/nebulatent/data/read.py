"""A path → a table: what kind of data it is, is told by what is there.

======================================== ==================================================
path                                     reader
======================================== ==================================================
`digits`                                 scikit-learn's digits, :mod:`.digits`
`builtin:shapes`                         parametric shapes, :mod:`.shapes.builtin`
`builtin:rooms`                          rooms of them in blocks, :mod:`.shapes.rooms`
`.npy`, `.npz`                           :mod:`.arrays`
`.mat`                                   :mod:`.mat_table`
`.csv`, `.tsv`, `.txt`                   :mod:`.csv_table`
folder or file named `…images-idx3-…`    :mod:`.idx`
`.tar`, folder of `.tar` files           :mod:`.shards`
`.h5`, `.hdf5`                           :mod:`.clouds.hdf5_sets`
file of a mesh or cloud                  :mod:`.clouds.folder`, one row
file of a picture                        :mod:`.one_picture`, one row
public layout of meshes or clouds        :mod:`.clouds.layouts`
`.binvox`, folder of such or of `.mat`   :mod:`.voxel_folder`
R2N2's grids, ModelNet's grids           :mod:`.voxel_folder`
folder with more shapes than pictures    :mod:`.clouds.folder`
folder with `train` and `test`           :mod:`.folder`, official split
any other folder                         :mod:`.folder`, pictures
`builtin:scans`, 3D-RecGAN's layout      none: pairs to complete, :mod:`.completion_pairs`
======================================== ==================================================

Samples of an `.npy` or `.h5` file, of a folder of pictures or shapes or of tars may stay on disk:
they do if there is more than a gibibyte of them, and are then read row by row as they are needed.
"""

import os
from pathlib import Path
from typing import NamedTuple, get_args

import numpy as np

from nebulatent.data.arrays import read_npy, read_npz
from nebulatent.data.clouds.folder import find_shapes, read_shape, read_shape_folder
from nebulatent.data.clouds.hdf5_sets import H5, read_h5_file
from nebulatent.data.clouds.layouts import find_layout
from nebulatent.data.completion_pairs import SCANS
from nebulatent.data.csv_table import read_csv
from nebulatent.data.digits import load_digits
from nebulatent.data.folder import is_split_folder, read_image_folder, read_split_folder
from nebulatent.data.geometry.files import EXTENSIONS
from nebulatent.data.grid_files import BINVOX, MAT
from nebulatent.data.idx import IMAGES, find_idx_sets, read_idx_folder, read_idx_set
from nebulatent.data.mat_table import read_mat_table
from nebulatent.data.one_picture import read_picture
from nebulatent.data.pictures import EXTENSIONS as PICTURES
from nebulatent.data.recgan import is_recgan
from nebulatent.data.shape_views import Wanted
from nebulatent.data.shapes.builtin import NAME as SHAPES
from nebulatent.data.shapes.builtin import NUM_POINTS, load_shapes
from nebulatent.data.shapes.rooms import NAME as ROOMS
from nebulatent.data.shapes.rooms import NUM_POINTS as ROOM_POINTS
from nebulatent.data.shapes.rooms import load_rooms
from nebulatent.data.shards import TAR, find_shards, read_shard, read_shard_folder
from nebulatent.data.table import Split, Table, check_trainable
from nebulatent.data.voxel_folder import find_grids, read_grid, read_voxel_folder

DIGITS = "digits"
SUPPORTED = (
    ".npy, .npz, .csv, .tsv, .txt, .tar, .h5, .mat, .binvox, a mesh or cloud (.off, .ply, .obj, "
    ".stl, .pcd, …), a picture, a folder of pictures, of meshes, of grids, of tars or of IDX "
    "files, or the words digits, builtin:shapes or builtin:rooms"
)


def read(
    path: str | os.PathLike[str],
    *,
    split: str = "train",
    image_size: int | None = None,
    num_points: int | None = None,
    resolution: int | None = None,
    views: int | None = 0,
    trainable: bool = True,
    lazy: bool | None = None,
) -> Table:
    """Read a data set.

    Arguments:
        path: File or folder, or the word `digits` or `builtin:shapes` (a folder of such a name is
            `./digits`).
        split: `"train"`, `"test"` or `"all"`, where there is an official split; elsewhere every
            split is everything.
        image_size: Side of square pictures; None keeps or chooses by rule (:mod:`.folder`).
            Arrays are never resized.
        num_points: Points drawn from each file of a mesh or cloud, None for 1024; of clouds stored
            as HDF5 the first so many, None for all.
        resolution: Cells along each side that occupancy grids are brought to; None chooses by rule
            (:mod:`.grids`).
        views: Pictures of each shape that are read beside its grid, where a folder has both; None
            chooses by rule (:mod:`.shape_views`), 0 reads none. `image_size` is then theirs.
        trainable: Whether to demand what training needs: two samples that differ.
        lazy: Whether samples stay on disk and are read as they are needed; None decides by their
            size. The values are the same, and so is the fingerprint.

    Raises:
        FileNotFoundError: If the path, or the split, is not there.
        ValueError: If what is there cannot be read or trained on; one sentence says why.

    Examples:
        >>> table = read("digits")
        >>> table.x.shape, table.kind
        ((1438, 1, 8, 8), 'images')
    """
    _check_positive("image_size", image_size)
    _check_positive("num_points", num_points)
    _check_positive("resolution", resolution)
    _check_positive("views", views or None)
    wanted = None if views == 0 else Wanted(views, image_size)
    sizes = _Sizes(image_size, num_points, resolution, wanted)
    table = _read(os.fspath(path), _to_split(split), sizes, lazy)
    _check_lazy(table, lazy, str(path))
    if trainable:
        check_trainable(table, str(path))
    _check_views(table, wanted, str(path))
    _check_size(table, image_size, str(path))
    _check_points(table, num_points, str(path))
    _check_resolution(table, resolution if trainable else None, str(path))
    return table


class _Sizes(NamedTuple):
    image_size: int | None
    num_points: int | None
    resolution: int | None
    views: Wanted | None


def _read(path: str, split: Split, sizes: _Sizes, lazy: bool | None) -> Table:
    if path == DIGITS:
        return load_digits(split)
    if path == SHAPES:
        return load_shapes(split, sizes.num_points or NUM_POINTS)
    if path == ROOMS:
        return load_rooms(split, sizes.num_points or ROOM_POINTS)
    if path == SCANS:
        raise ValueError(_pairs_only(path))
    place = Path(path)
    if not place.exists():
        raise FileNotFoundError(f"`{path}` must be a file or folder, got nothing of that name.")
    if place.is_dir():
        return _read_folder(place, split, sizes, lazy)
    return _read_file(place, split, sizes, lazy)


def _pairs_only(path: str) -> str:
    return (
        f"`{path}` must hold samples, got pairs of partial and whole grids; they are for "
        f"`nebulatent fit {path} --method rec-ae`, or rec-gan, and for runs of these."
    )


def _read_folder(folder: Path, split: Split, sizes: _Sizes, lazy: bool | None) -> Table:
    if find_idx_sets(folder):
        return read_idx_folder(folder, split)
    if find_shards(folder):
        return read_shard_folder(folder, split, sizes.image_size, lazy)
    if layout := find_layout(folder):
        return layout(folder, split, sizes.num_points, lazy)
    if is_recgan(folder):
        raise ValueError(_pairs_only(str(folder)))
    if find_grids(folder):
        return read_voxel_folder(folder, split, sizes.resolution, lazy, sizes.views)
    if find_shapes(folder):
        return read_shape_folder(folder, split, sizes.num_points, lazy)
    if is_split_folder(folder):
        return read_split_folder(folder, split, sizes.image_size, lazy)
    return read_image_folder(folder, sizes.image_size, lazy)


def _read_file(path: Path, split: Split, sizes: _Sizes, lazy: bool | None) -> Table:
    _check_file(path)
    extension = path.suffix.lower()
    if extension in (*EXTENSIONS, *PICTURES, BINVOX):
        return _read_one(path, sizes, lazy)
    if extension in H5:
        return read_h5_file(path, sizes.num_points, lazy)
    if extension in (".npz", ".npy", MAT):
        return _read_arrays(path, split, sizes.resolution, lazy)
    if extension == TAR:
        return read_shard(path, sizes.image_size, lazy)
    if IMAGES.fullmatch(path.name):
        return read_idx_set(path)
    if extension in (".csv", ".tsv", ".txt"):
        return read_csv(path)
    got = f"a {extension} file" if extension else "a file without extension"
    raise ValueError(f"`{path}` must be one of {SUPPORTED}; got {got}.")


def _read_arrays(path: Path, split: Split, resolution: int | None, lazy: bool | None) -> Table:
    if path.suffix.lower() == ".npy":
        return read_npy(path, lazy, resolution)
    of_kind = read_npz if path.suffix.lower() == ".npz" else read_mat_table
    return of_kind(path, split, resolution)


def _read_one(path: Path, sizes: _Sizes, lazy: bool | None) -> Table:
    if path.suffix.lower() == BINVOX:
        return read_grid(path, sizes.resolution)
    if path.suffix.lower() in PICTURES:
        return read_picture(path, sizes.image_size)
    return read_shape(path, sizes.num_points, lazy)


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise ValueError(f"`{path}` must be a file or folder, got a device or pipe.")
    with path.open("rb") as file:  # a file that may not be read fails here, with its own sentence
        empty = not file.read(1)
    if empty:
        raise ValueError(f"`{path}` must hold samples, got an empty file.")


def _to_split(name: str) -> Split:
    for split in get_args(Split):
        if name == split:
            return split
    raise ValueError(f"`split` must be train, test or all, got {name!r}.")


def _check_lazy(table: Table, lazy: bool | None, source: str) -> None:
    if lazy and isinstance(table.x, np.ndarray):
        raise ValueError(
            f"`lazy` must be left out for `{source}`, got True: only an .npy file, HDF5, folders "
            "of pictures, shapes or grids and tars can be read row by row; save the samples as "
            ".npy."
        )


def _check_positive(name: str, value: int | None) -> None:
    if value is not None and value < 1:
        raise ValueError(f"`{name}` must be positive, got {value}.")


def _check_points(table: Table, num_points: int | None, source: str) -> None:
    if num_points is None or (table.kind == "points" and table.sample_shape[0] == num_points):
        return
    shape = "×".join(map(str, table.sample_shape))
    raise ValueError(
        f"`num_points` must be left out for `{source}`, got {num_points}: points are only drawn "
        f"from files of meshes and clouds, and its samples have shape {shape}."
    )


def _check_resolution(table: Table, resolution: int | None, source: str) -> None:
    if resolution is None or table.kind == "voxels":
        return
    shape = "×".join(map(str, table.sample_shape))
    raise ValueError(
        f"`voxels` must be left out for `{source}`, got {resolution}: only occupancy grids are "
        f"resampled, and its samples have shape {shape}."
    )


def _check_views(table: Table, wanted: Wanted | None, source: str) -> None:
    if wanted is None or table.views is not None:
        return
    raise ValueError(
        f"`{source}` must have pictures of shapes beside their grids, folders ShapeNetVox32 (or "
        f"another size) and ShapeNetRendering, got {table.kind} alone; make both by `nebulatent "
        "prepare MESHES --out FOLDER`."
    )


def _check_size(table: Table, image_size: int | None, source: str) -> None:
    shown = table.sample_shape if table.views is None else table.views.shape[2:]
    if image_size is None or shown[1:] == (image_size, image_size):
        return
    shape = "×".join(map(str, table.sample_shape))
    raise ValueError(
        f"`image_size` must be left out for `{source}`, got {image_size}: only picture files are "
        f"resized, and its samples have shape {shape}."
    )
