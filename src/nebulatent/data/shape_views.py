"""Pictures of shapes beside their grids, as 3D-R2N2 or ModelNet has them.

The layouts are :mod:`.r2n2` and :mod:`.modelnet_grids`.

| what | rule |
|---|---|
| pictures | as many of each shape as the first one has, at most 8, the first by name |
| their size | 32 pixels along each side beside grids of at most 16 cells, else 137 |

Source: Wu et al. 2023 (SwitchVAE), section 4.1: 8 pictures of 137 × 137 beside grids of 32³.
Our reading: pictures of different sizes come from different cameras, so they are refused unless a
size is asked for; then each is cut to the square around its centre and resized, like all others.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from nebulatent.data.folder import is_picture
from nebulatent.data.grids import BY_RULE
from nebulatent.data.modelnet_grids import find_pictures, pictures_beside
from nebulatent.data.pictures import inspect
from nebulatent.data.r2n2 import PICTURES, SIZE, ViewRows, find_grid_folder, first_pictures
from nebulatent.data.rows import Rows, held

MOST, SMALL = 8, 32


class Wanted(NamedTuple):
    """Which pictures of each shape.

    Arguments:
        number: How many, the first by name; None chooses by rule.
        size: Pixels along each side that they are brought to; None chooses by rule.
    """

    number: int | None = None
    size: int | None = None


def view_size(resolution: int) -> int:
    """Pixels along each side of a picture, beside grids of so many cells.

    Examples:
        >>> view_size(16), view_size(32)
        (32, 137)
    """
    return SMALL if resolution <= BY_RULE else SIZE


def view_folder(folder: Path) -> Path | None:
    """The pictures beside the grids of a folder; None if it has none of either."""
    grids = find_grid_folder(folder) if folder.is_dir() else None
    return _beside(grids) if grids is not None and _beside(grids).is_dir() else None


def find_views(folder: Path) -> list[Path]:
    """Pictures in a folder, or in its sub-folder `rendering`, sorted; none if it has grids too."""
    for place in (folder, folder / "rendering"):
        if place.is_dir() and find_grid_folder(folder) is None:
            found = sorted(path for path in place.iterdir() if is_picture(path))
            if found:
                return found
    return []


def read_shape(folder: Path, number: int, size: int) -> UInt8[np.ndarray, "1 views 3 height width"]:
    """The pictures of one shape.

    Raises:
        ValueError: If there are not so many, or one is damaged.
    """
    found = find_views(folder)
    if len(found) < number:
        raise ValueError(
            f"`{folder}` must hold {number} pictures of one shape, as in training, got "
            f"{len(found)}."
        )
    return ViewRows([found[:number]], size)[:]


class Pictured(NamedTuple):
    """Pictures of one shape.

    Arguments:
        place: Where they should be.
        files: Those that are there, sorted.
    """

    place: Path
    files: Sequence[Path]


def rendered(grids: Path, names: Sequence[str]) -> list[Pictured]:
    """Pictures beside R2N2's grids.

    Arguments:
        grids: The folder of the grids.
        names: `<class>/<id>` of each shape.
    """
    places = [_beside(grids) / name / "rendering" for name in names]
    return [Pictured(place, sorted(place.glob("*.png"))) for place in places]


def photographed(folder: Path, grids: Sequence[Path]) -> list[Pictured]:
    """Pictures of ModelNet's shapes, in a folder that holds their grids too."""
    beside = pictures_beside(folder, grids)
    return [
        Pictured(path.with_name(f"{path.stem}.obj.shaded_v001.png"), files)
        for path, files in zip(grids, beside, strict=True)
    ]


def has_views(folder: Path) -> bool:
    """Whether a folder has pictures of shapes beside their grids."""
    if view_folder(folder) is not None:
        return True
    return folder.is_dir() and find_grid_folder(folder) is None and bool(find_pictures(folder))


def read_views(
    shapes: Sequence[Pictured], wanted: Wanted, resolution: int, lazy: bool | None, source: str
) -> tuple[Rows, str]:
    """Pictures of shapes, and a note for people.

    Arguments:
        shapes: Which there are of each.
        wanted: Which are read.
        resolution: Cells along each side of the grids, after they were brought to one size.
        lazy: As in :func:`nebulatent.data.read.read`.
        source: Their folder, for messages.

    Raises:
        ValueError: If a shape has no pictures or too few, a file is no picture, or pictures differ
            in size and none was asked for.
    """
    count = wanted.number or min(MOST, len(shapes[0].files))
    for place, files in shapes:
        if not files:
            raise ValueError(
                f"`{place}` must hold the pictures of a shape, 00.png and so on, got none; make "
                "them by `nebulatent prepare`, or train on grids alone (--method vae)."
            )
    found = [first_pictures(place, files, count) for place, files in shapes]
    own = _only_size(found) if wanted.size is None else None
    size = wanted.size or view_size(resolution)
    rows = held(ViewRows(found, size), lazy, source)
    resized = "" if own in (None, f"{size}×{size}") else f", resized from {own}"
    said = f"{count} pictures of each shape, the first by name, of {size}×{size} pixels"
    return rows, f"{said}{resized}."


def _beside(grids: Path) -> Path:
    return grids.absolute().parent / PICTURES


def _only_size(pictures: Sequence[Sequence[Path]]) -> str:
    """Height and width of all pictures."""
    first = None
    for path in (path for views in pictures for path in views):
        found = inspect(path)
        size = f"{found.height}×{found.width}"
        if first is None:
            first = path, size
        if size != first[1]:
            raise ValueError(
                f"`{path}` must have as many pixels as `{first[0]}`, {first[1]}, got {size}; make "
                "the pictures anew, or say to which --image-size all are brought."
            )
    assert first is not None
    return first[1]
