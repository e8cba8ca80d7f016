"""A path → a table: what kind of data it is, is told by what is there.

======================================== ==================================================
path                                     reader
======================================== ==================================================
`digits`                                 scikit-learn's digits, :mod:`.digits`
`.npy`, `.npz`                           :mod:`.arrays`
`.csv`, `.tsv`, `.txt`                   :mod:`.csv_table`
folder or file named `…images-idx3-…`    :mod:`.idx`
folder with `train` and `test`           :mod:`.folder`, official split
any other folder                         :mod:`.folder`, pictures
======================================== ==================================================
"""

import os
from pathlib import Path
from typing import get_args

from nebulatent.data.arrays import read_npy, read_npz
from nebulatent.data.csv_table import read_csv
from nebulatent.data.digits import load_digits
from nebulatent.data.folder import is_split_folder, read_image_folder, read_split_folder
from nebulatent.data.idx import IMAGES, find_idx_sets, read_idx_folder, read_idx_set
from nebulatent.data.table import Split, Table, check_trainable

DIGITS = "digits"
SUPPORTED = (
    ".npy, .npz, .csv, .tsv, .txt, a folder of pictures, a folder of IDX files, or the word digits"
)


def read(
    path: str | os.PathLike[str],
    *,
    split: str = "train",
    image_size: int | None = None,
    trainable: bool = True,
) -> Table:
    """Read a data set.

    Arguments:
        path: File or folder, or the word `digits` (a folder of that name is `./digits`).
        split: `"train"`, `"test"` or `"all"`, where there is an official split; elsewhere every
            split is everything.
        image_size: Side of square pictures; None keeps or chooses by rule (:mod:`.folder`).
            Arrays are never resized.
        trainable: Whether to demand what training needs: two samples that differ.

    Raises:
        FileNotFoundError: If the path, or the split, is not there.
        ValueError: If what is there cannot be read or trained on; one sentence says why.

    Examples:
        >>> table = read("digits")
        >>> table.x.shape, table.kind
        ((1438, 1, 8, 8), 'images')
    """
    _check_side(image_size)
    table = _read(os.fspath(path), _to_split(split), image_size)
    if trainable:
        check_trainable(table, str(path))
    _check_size(table, image_size, str(path))
    return table


def _read(path: str, split: Split, image_size: int | None) -> Table:
    if path == DIGITS:
        return load_digits(split)
    place = Path(path)
    if not place.exists():
        raise FileNotFoundError(f"`{path}` must be a file or folder, got nothing of that name.")
    return _read_folder(place, split, image_size) if place.is_dir() else _read_file(place, split)


def _read_folder(folder: Path, split: Split, image_size: int | None) -> Table:
    if find_idx_sets(folder):
        return read_idx_folder(folder, split)
    if is_split_folder(folder):
        return read_split_folder(folder, split, image_size)
    return read_image_folder(folder, image_size)


def _read_file(path: Path, split: Split) -> Table:
    if not path.is_file():
        raise ValueError(f"`{path}` must be a file or folder, got a device or pipe.")
    with path.open("rb") as file:  # a file that may not be read fails here, with its own sentence
        empty = not file.read(1)
    if empty:
        raise ValueError(f"`{path}` must hold samples, got an empty file.")
    extension = path.suffix.lower()
    if extension == ".npz":
        return read_npz(path, split)
    if extension == ".npy":
        return read_npy(path)
    if IMAGES.fullmatch(path.name):
        return read_idx_set(path)
    if extension in (".csv", ".tsv", ".txt"):
        return read_csv(path)
    got = f"a {extension} file" if extension else "a file without extension"
    raise ValueError(f"`{path}` must be one of {SUPPORTED}; got {got}.")


def _to_split(name: str) -> Split:
    for split in get_args(Split):
        if name == split:
            return split
    raise ValueError(f"`split` must be train, test or all, got {name!r}.")


def _check_side(image_size: int | None) -> None:
    if image_size is not None and image_size < 1:
        raise ValueError(f"`image_size` must be positive, got {image_size}.")


def _check_size(table: Table, image_size: int | None, source: str) -> None:
    if image_size is None or table.sample_shape[1:] == (image_size, image_size):
        return
    shape = "×".join(map(str, table.sample_shape))
    raise ValueError(
        f"`image_size` must be left out for `{source}`, got {image_size}: only picture files are "
        f"resized, and its samples have shape {shape}."
    )
