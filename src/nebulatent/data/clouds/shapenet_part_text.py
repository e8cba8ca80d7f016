"""ShapeNetPart as text, in its two layouts.

===================== ====================================== ====================================
layout                points                                 parts
===================== ====================================== ====================================
`PartAnnotation`, v0  `<synset>/points/<id>.pts`             `<synset>/points_label/<id>.seg`
`…_v0_normal`         `<synset>/<id>.txt`, columns 1 to 6    column 7
===================== ====================================== ====================================

A `.seg` file counts the parts of its category from 1, column 7 those of all categories from 0. Both
have `synsetoffset2category.txt` and `train_test_split/shuffled_{train,val,test}_file_list.json`;
where a download lacks these lists, all shapes are read, whatever the split.
Shapes have some 2600 points; of each so many are drawn, 2048 unless another number is asked for.
Statistics are those of :mod:`.shapenet_part`.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from nebulatent.data.clouds.hdf5_sets import read_lines
from nebulatent.data.clouds.points import UNIT_SPHERE, draw_numbers, to_unit_sphere
from nebulatent.data.clouds.shapenet_part import FIRST, LISTS, PART_NAMES, PARTS
from nebulatent.data.geometry.geometry import NO_TRIANGLES, Geometry, check_geometry
from nebulatent.data.geometry.text import to_numbers, to_whole
from nebulatent.data.geometry.xyz import read_table
from nebulatent.data.limits import check_memory
from nebulatent.data.table import NO_SPLIT, PointLabels, Split, Table, build_table

CATEGORIES = "synsetoffset2category.txt"
SPLITS = "train_test_split"
NUM_POINTS = 2048
LARGEST = 1 << 26  # bytes of one file


class _Shape(NamedTuple):
    name: str
    category: str
    points: Path
    parts: Path | None  # a file of its own


def is_shapenet_part_text(folder: Path) -> bool:
    """Whether the folder has the list of categories."""
    return (folder / CATEGORIES).is_file()


def read_shapenet_part_text(
    folder: Path, split: Split, num_points: int | None, lazy: bool | None = None
) -> Table:
    """Clouds and parts of one split, training with validation, training first if of both.

    Arguments:
        folder: Where the list of categories is.
        split: Which shapes.
        num_points: Points drawn from each; None for 2048.
        lazy: Makes no difference: these are read at once, for their parts are.

    Raises:
        FileNotFoundError: If a list, or a file that it names, is not there.
        ValueError: If a file is damaged.
    """
    listed = (folder / SPLITS).is_dir()
    parts_read = LISTS[split] if listed else ()
    shapes = [shape for part in parts_read for shape in _listed(folder, part)]
    shapes = shapes if listed else _found(folder)
    count = num_points or NUM_POINTS
    check_memory(len(shapes) * count * 13, str(folder))
    x = np.empty((len(shapes), count, 3), dtype=np.float32)
    parts = np.empty((len(shapes), count), dtype=np.uint8)
    for row, shape in enumerate(shapes):
        x[row], parts[row] = _draw(*_read(shape), count)
    return build_table(
        x,
        source=str(folder),
        ids=[shape.name for shape in shapes],
        labels=[shape.category for shape in shapes],
        notes=(
            f"ShapeNetPart; read: {', '.join(parts_read) or 'all'}.",
            *(() if listed else (NO_SPLIT,)),
            UNIT_SPHERE,
        ),
        point_labels=PointLabels(parts, PART_NAMES),
    )


def _listed(folder: Path, part: str) -> list[_Shape]:
    listing = folder / SPLITS / f"shuffled_{part}_file_list.json"
    names = {synset: category for category, synset in _categories(folder)}
    try:
        entries = json.loads("".join(read_lines(listing)))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"`{listing}` must be a JSON list of shapes, got other text.") from error
    if not isinstance(entries, list) or not all(isinstance(e, str) for e in entries):
        raise ValueError(f"`{listing}` must be a JSON list of shapes, got another value.")
    # Only the last two parts of what the list says, so that it leads nowhere else.
    pairs = [Path(entry).parts[-2:] for entry in entries]
    wrong = [pair for pair in pairs if len(pair) != 2 or pair[0] not in names]
    if wrong or not pairs:
        got = f"{wrong[0]}" if wrong else "an empty list"
        raise ValueError(f"`{listing}` must name shapes as <synset>/<id>, got {got[:80]}.")
    return [_place(folder, synset, name, names[synset]) for synset, name in pairs]


def _found(folder: Path) -> list[_Shape]:
    """All shapes, by category and name."""
    shapes = []
    for category, synset in sorted(_categories(folder), key=lambda pair: pair[1]):
        place = folder / synset
        raw = (place / "points").is_dir()
        paths = sorted((place / "points").glob("*.pts") if raw else place.glob("*.txt"))
        shapes += [_place(folder, synset, path.stem, category) for path in paths]
    if not shapes:
        raise FileNotFoundError(
            f"`{folder}` must hold shapes of ShapeNetPart in folders named by synsets, got none."
        )
    return shapes


def _categories(folder: Path) -> list[tuple[str, str]]:
    pairs = [line.split() for line in read_lines(folder / CATEGORIES)]
    if any(len(pair) != 2 or pair[0] not in PARTS for pair in pairs):
        raise ValueError(
            f"`{folder / CATEGORIES}` must hold the categories of ShapeNetPart, each with its "
            "number, got another line."
        )
    return [(category, synset) for category, synset in pairs]


def _place(folder: Path, synset: str, name: str, category: str) -> _Shape:
    place = folder / synset
    if (place / "points").is_dir():
        points, parts = place / "points" / f"{name}.pts", place / "points_label" / f"{name}.seg"
        return _Shape(f"{synset}/{name}", category, points, parts)
    return _Shape(f"{synset}/{name}", category, place / f"{name}.txt", None)


def _read(shape: _Shape) -> tuple[Geometry, Int[np.ndarray, " points"]]:
    """The cloud of a shape, and the part of each point, counted over all categories."""
    source, first = str(shape.points), FIRST[shape.category]
    columns = read_table(_bytes(shape.points), source)
    if shape.parts is not None:
        parts = read_labels(shape.parts) - 1 + first
    else:
        parts = to_whole(columns[:, -1], source, "column of parts")
    if (
        len(parts) != len(columns)
        or not 0 <= parts.min() - first <= parts.max() - first < PARTS[shape.category]
    ):
        raise ValueError(
            f"`{shape.parts or shape.points}` must hold a part for each of {len(columns)} points, "
            f"among the {PARTS[shape.category]} of {shape.category}, got others."
        )
    return check_geometry(Geometry(columns[:, :3], NO_TRIANGLES), source), parts


def read_labels(path: Path) -> Int[np.ndarray, " points"]:
    """A file of one whole number a line.

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If it holds anything else.
    """
    text = _bytes(path)
    return to_whole(to_numbers(text, str(path), "labels"), str(path), "labels")


def _bytes(path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"`{path}` must be there, as the list of shapes says, got no file.")
    if not 0 < (size := path.stat().st_size) <= LARGEST:
        raise ValueError(f"`{path}` must have 1 to {LARGEST} bytes, got {size}.")
    return path.read_bytes()


def _draw(
    cloud: Geometry, parts: Int[np.ndarray, " points"], count: int
) -> tuple[Float[np.ndarray, "count 3"], Int[np.ndarray, " count"]]:
    numbers = draw_numbers(cloud, count)
    return to_unit_sphere(cloud.points[numbers]), parts[numbers]
