"""Shapes as grids and as pictures, in the layout of 3D-R2N2, which `nebulatent prepare` writes too.

    ShapeNetVox32/<class>/<id>/model.binvox
    ShapeNetRendering/<class>/<id>/rendering/00.png …

Classes of ShapeNet are numbers of synsets, and are named. There is no list of a split: of each
class the first four fifths of the ids, sorted, are for training. Grids are in memory, a bit for
each cell; pictures stay on disk and are decoded when rows are asked for, transparent pixels white.

========= ======= ======= ==============================
data      classes shapes  pictures of a shape
========= ======= ======= ==============================
R2N2      13      43 783  24, 137 × 137
========= ======= ======= ==============================

Source: Choy, Xu, Gwak, Chen, Savarese: 3D-R2N2, ECCV 2016; the split is that of the authors' code
(spec/hosts.md sections 16.7 and 19.5).
Our reading: transparent pixels are white. The authors of SwitchVAE draw a light grey for each
picture.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Int, UInt8

from nebulatent.data.binvox import read_binvox
from nebulatent.data.limits import check_memory
from nebulatent.data.pictures import decode, inspect
from nebulatent.data.rows import Index, positions
from nebulatent.data.voxel_pairs import PackedGrids

GRIDS, PICTURES = "ShapeNetVox", "ShapeNetRendering"
SYNSETS = {
    "02691156": "airplane",
    "02828884": "bench",
    "02933112": "cabinet",
    "02958343": "car",
    "03001627": "chair",
    "03211117": "monitor",
    "03636649": "lamp",
    "03691459": "speaker",
    "04090263": "rifle",
    "04256520": "sofa",
    "04379243": "table",
    "04401088": "phone",
    "04530566": "vessel",
}
TRAINING = 0.8
SIZE = 137  # pixels
LARGEST = 512  # cells along a side
Part = Literal["train", "test", "all"]


class ViewRows:
    """The first pictures of each shape as `Rows` of shape (shapes, views, 3, size, size).

    Arguments:
        pictures: Files, as many of each shape.
        size: Pixels along each side that pictures are brought to.
    """

    def __init__(self, pictures: list[list[Path]], size: int) -> None:
        self._pictures, self._size = pictures, size
        self.shape = (len(pictures), len(pictures[0]), 3, size, size)
        self.dtype, self.ndim = np.dtype(np.uint8), 5

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, rows: Index) -> UInt8[np.ndarray, "rows views 3 height width"]:
        numbers = positions(rows, len(self))
        x = np.empty((len(numbers), *self.shape[1:]), dtype=np.uint8)
        for row, number in zip(x, numbers, strict=True):
            for view, path in zip(row, self._pictures[number], strict=True):
                view[:] = decode(inspect(path), (self._size, self._size), 3)
        return x


class R2N2(NamedTuple):
    """Shapes in both forms.

    Arguments:
        cells: Grids, (shapes, 1, n, n, n).
        views: Pictures, on disk.
        label: Class of each shape, an index into `names`; for evaluation only.
        names: Of the classes.
        ids: `<class>/<id>` of each shape, in order.
    """

    cells: PackedGrids
    views: ViewRows
    label: Int[np.ndarray, " shapes"]
    names: tuple[str, ...]
    ids: tuple[str, ...]


def is_r2n2(folder: Path) -> bool:
    """Whether a folder has grids and pictures of this layout."""
    return folder.is_dir() and bool(_grid_folders(folder)) and (folder / PICTURES).is_dir()


def find_grid_folder(folder: Path) -> Path | None:
    """The grids of this layout in a folder, which may be that folder itself; None if none are.

    Raises:
        ValueError: If there are grids of several sizes.
    """
    name = folder.resolve().name
    if name.startswith(GRIDS) and _is_size(name):
        return folder
    found = _grid_folders(folder)
    if len(found) > 1:
        raise ValueError(_several(folder, found))
    return found[0] if found else None


def part_files(grids: Path, part: Part) -> list[Path]:
    """Files of one part, sorted by class and id.

    Arguments:
        grids: What `find_grid_folder` found.
        part: `"train"`, `"test"` or `"all"`.
    """
    return [
        place / shape / "model.binvox"
        for place in _folders(grids)
        for shape in _part_of(place, part)
    ]


def read_r2n2(folder: Path, part: Part = "train", *, views: int = 8, size: int = SIZE) -> R2N2:
    """The shapes of one part, sorted by class and id.

    Arguments:
        folder: Where both folders lie.
        part: `"train"`, `"test"` or `"all"`.
        views: How many pictures of each shape, the first by name.
        size: Pixels along each side that pictures are brought to.

    Raises:
        FileNotFoundError: If a folder, a grid or a picture is not there, or the part has no shape.
        ValueError: If a grid is damaged or of another size than its folder says, the grids do not
            fit in memory, or `views` or `size` is not positive.
    """
    if views < 1 or size < 1:
        raise ValueError(f"`views` and `size` must be positive, got {views} and {size}.")
    grids = _only_grids(folder)
    classes = {place.name: _part_of(place, part) for place in _folders(grids)}
    ids = tuple(f"{name}/{shape}" for name, shapes in classes.items() for shape in shapes)
    if not ids:
        raise FileNotFoundError(
            f"`{grids}` must hold shapes as <class>/<id>/model.binvox, got none for {part}."
        )
    places = [folder / PICTURES / name / "rendering" for name in ids]
    pictures = [first_pictures(place, sorted(place.glob("*.png")), views) for place in places]
    resolution = int(grids.name[len(GRIDS) :])
    check_memory(len(ids) * (resolution**3 // 8 + 1), str(grids))
    bits = np.stack([grid_bits(grids / name / "model.binvox", resolution) for name in ids])
    known = list(classes)
    return R2N2(
        cells=PackedGrids(bits, resolution),
        views=ViewRows(pictures, size),
        label=np.array([known.index(name.partition("/")[0]) for name in ids]),
        names=tuple(SYNSETS.get(name, name) for name in known),
        ids=ids,
    )


def _grid_folders(folder: Path) -> list[Path]:
    """`ShapeNetVox<n>` for whole n."""
    return sorted(
        place for place in folder.glob(f"{GRIDS}*") if place.is_dir() and _is_size(place.name)
    )


def _is_size(name: str) -> bool:
    digits = name[len(GRIDS) :]
    return digits.isascii() and digits.isdigit() and len(digits) < 4 and 1 <= int(digits) <= LARGEST


def _only_grids(folder: Path) -> Path:
    """The one folder of grids.

    Raises:
        FileNotFoundError: If there is none, or no folder of pictures.
        ValueError: If there are several.
    """
    found = _grid_folders(folder) if folder.is_dir() else []
    if not found or not (folder / PICTURES).is_dir():
        raise FileNotFoundError(
            f"`{folder}` must have folders {GRIDS}32 (or another size) and {PICTURES}, got "
            f"{', '.join(place.name for place in found) or 'neither'}; unpack both archives of "
            "3D-R2N2 there, or make them by `nebulatent prepare`."
        )
    if len(found) > 1:
        raise ValueError(_several(folder, found))
    return found[0]


def _several(folder: Path, found: list[Path]) -> str:
    return (
        f"`{folder}` must have grids of one size, got {', '.join(p.name for p in found)}; "
        "keep one of them."
    )


def _folders(place: Path) -> list[Path]:
    """Folders in a folder that are not hidden, sorted by name."""
    return sorted(p for p in place.iterdir() if p.is_dir() and not p.name.startswith("."))


def _part_of(category: Path, part: Part) -> list[str]:
    """Ids of a class that belong to a part, sorted."""
    ids = [place.name for place in _folders(category)]
    first = int(TRAINING * len(ids))
    return {"train": ids[:first], "test": ids[first:], "all": ids}[part]


def first_pictures(place: Path, files: Sequence[Path], views: int) -> list[Path]:
    """The first pictures of a shape.

    Raises:
        ValueError: If there are not so many.
    """
    if len(files) < views:
        raise ValueError(
            f"`{place}` must hold {views} pictures like all shapes, got {len(files)}; add the "
            "missing ones, or train on fewer."
        )
    return list(files[:views])


def grid_bits(path: Path, resolution: int) -> UInt8[np.ndarray, " bytes"]:
    """A grid, packed.

    Raises:
        ValueError: If it has another size.
    """
    grid = read_binvox(path).grid
    if grid.shape != (resolution,) * 3:
        raise ValueError(
            f"`{path}` must be {resolution} cells along each side, as the name of its folder says, "
            f"got {grid.shape}."
        )
    return np.packbits(grid)
