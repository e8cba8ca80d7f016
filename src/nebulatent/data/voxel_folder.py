"""Files of grids (:mod:`.grid_files`) as rows: one file, a folder of them, R2N2's or ModelNet's.

Sub-folders are labels and file names ids, as of pictures and meshes. A folder that holds
`ShapeNetVox32` (or another size), or that folder itself, has the labels, ids and split of
:mod:`.r2n2`, one of ModelNet's grids those of :mod:`.modelnet_grids`; pictures beside the grids of
either are read if they are asked for (:mod:`.shape_views`).
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from nebulatent.data.folder import (
    folder_labels,
    held_out_name,
    is_picture,
    is_split_folder,
    list_files,
)
from nebulatent.data.geometry.files import AMBIGUOUS
from nebulatent.data.geometry.files import EXTENSIONS as MESHES
from nebulatent.data.grid_files import BINVOX, MAT, read_grid_file
from nebulatent.data.grids import fit_grids
from nebulatent.data.labels import Values
from nebulatent.data.modelnet_grids import are_modelnet, part_of, pictures_beside
from nebulatent.data.r2n2 import SYNSETS, find_grid_folder, part_files
from nebulatent.data.rows import Index, Rows, held, lazy_note, positions
from nebulatent.data.shape_views import (
    Wanted,
    has_views,
    photographed,
    read_views,
    rendered,
)
from nebulatent.data.table import NO_SPLIT, Split, Table, build_table

R2N2_SPLIT = "Of each class the first four fifths of the ids, sorted, are for training (3D-R2N2)."


class GridRows:
    """Files of grids as rows, each read when it is asked for.

    Arguments:
        paths: One file a row.

    Raises:
        ValueError: If the first file is damaged or its grid is no cube; of another file, and if
            grids differ in size, when it is read.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._sides = read_grid_file(paths[0]).shape
        if len(set(self._sides)) > 1:
            raise ValueError(
                f"`{paths[0]}` must be as many cells along each side, got {self._sides}; pad it."
            )
        self.shape = (len(paths), 1, *self._sides)
        self.dtype, self.ndim = np.dtype(np.uint8), 5

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, rows: Index) -> UInt8[np.ndarray, "rows 1 x y z"]:
        numbers = positions(rows, len(self))
        x = np.empty((len(numbers), *self.shape[1:]), dtype=np.uint8)
        for row, number in zip(x, numbers, strict=True):
            path = self._paths[number]
            grid = read_grid_file(path)
            if grid.shape != self._sides:
                raise ValueError(
                    f"`{path}` must have as many cells as `{self._paths[0]}`, {self._sides}, got "
                    f"{grid.shape}; bring all grids to one size."
                )
            row[0] = grid
        return x


def find_grids(folder: Path) -> list[Path]:
    """Files of grids in a folder and its sub-folders, sorted by path.

    None if there are as many pictures or meshes: they are the samples then, and grids strays or
    made from them; but where the folder has R2N2's grids, these, and views of the shapes of
    ModelNet's grids do not count. Files `.mat` are often something else: they count only where
    nothing else could be grids, shapes or clouds.

    Raises:
        ValueError: If there are R2N2's grids of several sizes.
    """
    own = find_grid_folder(folder)
    files = list_files(folder if own is None else own)
    grids = [path for path in files if path.suffix.lower() == BINVOX]
    if own is not None:
        return grids
    others = MESHES if grids else (*MESHES, *AMBIGUOUS)
    grids = grids or [path for path in files if path.suffix.lower() == MAT]
    shapes = sum(path.suffix.lower() in others for path in files)
    pictures = sum(map(is_picture, files))
    if pictures and are_modelnet(grids, folder):
        own_views = {view for views in pictures_beside(folder, grids) for view in views}
        pictures -= len(own_views)
    return grids if len(grids) > shapes + pictures else []


def read_voxel_folder(
    folder: Path,
    split: Split,
    resolution: int | None,
    lazy: bool | None = None,
    views: Wanted | None = None,
) -> Table:
    """The grids of a folder, of an official split if it has one.

    Arguments:
        folder: Where they are.
        split: Part, where there are official parts.
        resolution: Cells along each side that grids are brought to; None chooses by rule.
        lazy: As in :func:`nebulatent.data.read.read`.
        views: Pictures to read beside R2N2's or ModelNet's grids; None reads none.

    Raises:
        FileNotFoundError: If the split has no grid, or a shape no pictures.
        ValueError: If a file is damaged, or grids or pictures differ in size.
    """
    own = find_grid_folder(folder)
    if own is not None:
        paths = part_files(own, split)
        names = [path.parts[-3] for path in paths]
        labels: Values | None = [SYNSETS.get(name, name) for name in names]
        ids, note = ["/".join(path.parts[-3:-1]) for path in paths], R2N2_SPLIT
    else:
        paths, labels, note = _found(folder, split)
        ids = [path.relative_to(folder).as_posix() for path in paths]
    if not paths:
        raise FileNotFoundError(f"`{folder}` must hold grids of the split {split}, got none.")
    rows = _rows(paths, resolution, lazy)
    pictures = None
    if views is not None and has_views(folder):
        shapes = rendered(own, ids) if own is not None else photographed(folder, paths)
        pictures, said = read_views(shapes, views, rows.x.shape[-1], lazy, str(folder))
        rows = rows._replace(notes=(*rows.notes, said))
    return build_table(
        rows.x,
        source=rows.source,
        ids=ids,
        labels=labels,
        notes=(note, *rows.notes),
        views=pictures,
    )


def read_grid(path: Path, resolution: int | None) -> Table:
    """One file of a grid as a table of one row.

    Raises:
        ValueError: If it is damaged, or no cube.
    """
    rows = _rows([path], resolution, None)
    return build_table(rows.x, source=rows.source, ids=[path.name], notes=(NO_SPLIT, *rows.notes))


def _found(folder: Path, split: Split) -> tuple[list[Path], Values | None, str]:
    """Files of a split, their labels if sub-folders name them, and what the split is."""
    paths = find_grids(folder)
    if are_modelnet(paths, folder):
        found, classes = part_of(paths, folder, split)
        read = "train and test" if split == "all" else split
        return found, classes, f"ModelNet's folders; read: {read}."
    if not is_split_folder(folder):
        common = os.path.commonpath([path.parent for path in paths])
        labels = folder_labels([path.relative_to(common).parts for path in paths])
        return paths, labels, NO_SPLIT
    names = {"train": "train", "test": held_out_name(folder) or ""}
    parts = [names[part] for part in (("train", "test") if split == "all" else (split,))]
    paths = [path for part in parts for path in paths if path.relative_to(folder).parts[0] == part]
    labels = folder_labels([path.relative_to(folder).parts[1:] for path in paths])
    split_names = " and ".join(names.values())
    return paths, labels, f"Folders {split_names} are the split; read: {' and '.join(parts)}."


class _Read(NamedTuple):
    """Grids brought to one size, where they are from, and notes for people."""

    x: Rows
    source: str
    notes: tuple[str, ...]


def _rows(paths: Sequence[Path], resolution: int | None, lazy: bool | None) -> _Read:
    source = str(paths[0] if len(paths) == 1 else Path(os.path.commonpath(paths)))
    rows, fitted = fit_grids(GridRows(paths), resolution, source)
    x = held(rows, lazy, source)
    return _Read(x, source, (*lazy_note(x), *fitted))
