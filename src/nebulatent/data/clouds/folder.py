"""A folder of files of meshes and clouds: sub-folders as labels, file names as ids.

Files named `.txt`, `.npy` and `.npz` count only where nothing else in the folder is a shape or a
picture, for such files are often something else.
"""

import os
from pathlib import Path

from nebulatent.data.clouds.points import NUM_POINTS, UNIT_SPHERE
from nebulatent.data.clouds.rows import ShapeRows
from nebulatent.data.clouds.shapenet import category_names
from nebulatent.data.folder import (
    folder_labels,
    held_out_name,
    is_picture,
    is_split_folder,
    list_files,
)
from nebulatent.data.geometry.files import AMBIGUOUS, EXTENSIONS
from nebulatent.data.labels import Values
from nebulatent.data.rows import held, lazy_note
from nebulatent.data.table import NO_SPLIT, Split, Table, build_table


def find_shapes(folder: Path) -> list[Path]:
    """Files of shapes in a folder and its sub-folders, sorted by path.

    None if there are more pictures: they are the samples then, and shapes strays.
    """
    files = list_files(folder)
    shapes = [path for path in files if path.suffix.lower() in EXTENSIONS]
    pictures = sum(is_picture(path) for path in files)
    if not shapes and not pictures:
        shapes = [path for path in files if path.suffix.lower() in AMBIGUOUS]
    return shapes if len(shapes) >= pictures else []


def read_shape_folder(
    folder: Path, split: Split, num_points: int | None, lazy: bool | None = None
) -> Table:
    """The shapes of a folder, of an official split if it has sub-folders `train` and `test`.

    Labels are the sub-folders of the innermost folder that holds all shapes, if each shape lies in
    one and there are at least two; ShapeNet's are named (:mod:`.shapenet`).

    Raises:
        ValueError: If there is no shape, or a file is damaged.
    """
    paths = find_shapes(folder)
    if not paths:
        raise ValueError(f"`{folder}` must hold shapes ({', '.join(EXTENSIONS)}), got none.")
    if not is_split_folder(folder):
        common = os.path.commonpath([path.parent for path in paths])
        labels = _named([path.relative_to(common).parts for path in paths])
        return shape_table(folder, paths, labels, num_points, lazy, (NO_SPLIT,))
    names = {"train": "train", "test": held_out_name(folder) or ""}
    parts = [names[part] for part in (("train", "test") if split == "all" else (split,))]
    # Sorted within a part, training first.
    paths = [path for part in parts for path in paths if path.relative_to(folder).parts[0] == part]
    labels = _named([path.relative_to(folder).parts[1:] for path in paths])
    note = (
        f"Folders {names['train']} and {names['test']} are the split; read: {' and '.join(parts)}."
    )
    return shape_table(folder, paths, labels, num_points, lazy, (note,))


def _named(inside: list[tuple[str, ...]]) -> list[str] | None:
    """Names of the sub-folders; those of ShapeNet's categories where these are its numbers."""
    folders = folder_labels(inside)
    return None if folders is None else category_names(folders)


def shape_table(
    folder: Path,
    paths: list[Path],
    labels: Values | None,
    num_points: int | None,
    lazy: bool | None,
    notes: tuple[str, ...],
) -> Table:
    """The table of files of shapes.

    Arguments:
        folder: Where they are; ids are relative to it.
        paths: One a sample.
        labels: One a sample, or None.
        num_points: Points drawn from each; None for 1024.
        lazy: As in :func:`nebulatent.data.read.read`.
        notes: What the layout wants people to know.

    Raises:
        ValueError: If a file is damaged, or there is none.
    """
    if not paths:
        raise ValueError(f"`{folder}` must hold shapes of the split asked for, got none.")
    x = held(ShapeRows(paths, num_points or NUM_POINTS), lazy, str(folder))
    return build_table(
        x,
        source=str(folder),
        ids=[path.relative_to(folder).as_posix() for path in paths],
        labels=labels,
        notes=(*notes, *lazy_note(x), DRAWN, UNIT_SPHERE),
    )


DRAWN = (
    "Points were drawn from the surface of meshes, uniform by area, and among the points of "
    "clouds; the draws are seeded by each shape itself."
)


def read_shape(path: Path, num_points: int | None, lazy: bool | None = None) -> Table:
    """One file as a table of one row."""
    return shape_table(path.parent, [path], None, num_points, lazy, (NO_SPLIT,))
