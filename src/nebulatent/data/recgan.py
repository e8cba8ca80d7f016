"""The pairs of 3D-RecGAN: for each view of a shape a partial grid and the whole one, as text.

    <category>/{train,test}_{25d,3d}/voxel_grids_64/<name>_<dx>_<dy>_<dz>.txt

(or all of it in a folder `Data`). A file has one row `x y z` (or `x y z 1`) for each filled cell of
a grid of dx × dy × dz; it is brought to a cube of 64³ around its middle. The partial grid is in the
folder `25d`, the whole one of the same name in `3d`.

============================ ======= =============== ============
data                         train   cells, partial  cells, whole
============================ ======= =============== ============
sample of the authors' code  16      20993           82752
============================ ======= =============== ============

Source: Yang et al., 3D-RecGAN, ICCVW 2017, and the loader of the authors' code; spec/hosts.md
section 5.4.
Authors' code: pairs files by their order and the first 15 letters of their names; here names must
agree but for the sizes.
"""

import io
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool

from nebulatent.data.limits import check_memory
from nebulatent.data.voxel_pairs import VoxelPairs, to_pairs

RESOLUTION, LARGEST = 64, 256  # cells along a side: of the cube, of a grid in a file
ROW_BYTES = 48  # of one row of text, at most
GRIDS = "voxel_grids_64"
Part = Literal["train", "test"]


def is_recgan(folder: Path) -> bool:
    """Whether a folder has pairs of this layout."""
    return bool(_categories(folder, "train") or _categories(folder, "test"))


def has_part(folder: Path, part: Part) -> bool:
    """Whether a folder has pairs to train on, or to test with."""
    return bool(_categories(folder, part))


def read_recgan(folder: Path, part: Part = "train") -> VoxelPairs:
    """All pairs of one part, sorted by category and name.

    Raises:
        FileNotFoundError: If the part is not there, or a grid lacks its partner.
        ValueError: If a file is damaged or its name does not tell sizes, or the pairs do not fit in
            memory.
    """
    categories = _categories(folder, part)
    if not categories:
        raise FileNotFoundError(
            f"`{folder}` must have folders <category>/{part}_25d/{GRIDS} and {part}_3d beside it, "
            "got none; unpack the archive of 3D-RecGAN there."
        )
    found = [pair for place in categories for pair in _pairs_of(place, part)]
    if not found:
        raise FileNotFoundError(f"`{folder}` must hold grids as .txt files, got none for {part}.")
    check_memory(4 * len(found) * RESOLUTION**3, str(folder))
    partial, whole = (
        np.stack([read_recgan_grid(pair[side]) for pair in found])[:, None] for side in range(2)
    )
    names = tuple(place.name for place in categories)
    owners = [pair[0].parents[2].name for pair in found]
    label = np.array([names.index(owner) for owner in owners])
    ids = tuple(
        f"{owner}/{_name_and_sizes(pair[0])[0]}" for owner, pair in zip(owners, found, strict=True)
    )
    return to_pairs(partial, whole, label, names, ids)


def _categories(folder: Path, part: Part) -> list[Path]:
    """Folders of categories that have the part, sorted."""
    inner = folder / "Data"
    root = inner if inner.is_dir() else folder
    if not root.is_dir():
        return []
    return sorted(place for place in root.iterdir() if (place / f"{part}_25d" / GRIDS).is_dir())


def _pairs_of(category: Path, part: Part) -> list[tuple[Path, Path]]:
    """Files of partial and whole grids, sorted by name."""
    sides = []
    for kind in ("25d", "3d"):
        files = sorted((category / f"{part}_{kind}" / GRIDS).glob("*.txt"))
        sides.append({_name_and_sizes(file)[0]: file for file in files})
    alone = sorted(sides[0].keys() ^ sides[1].keys())
    if alone:
        raise FileNotFoundError(
            f"`{category}` must have each grid in {part}_25d and in {part}_3d, got "
            f"{alone[0]!r} in one of them only ({len(alone)} such)."
        )
    return [(file, sides[1][name]) for name, file in sides[0].items()]


def _name_and_sizes(path: Path) -> tuple[str, tuple[int, int, int]]:
    *words, x, y, z = ("", "", "", *path.stem.split("_"))
    if not all(word.isascii() and word.isdigit() and len(word) < 5 for word in (x, y, z)):
        raise ValueError(
            f"`{path}` must have a name that ends in three sizes, <name>_<dx>_<dy>_<dz>.txt."
        )
    sizes = (int(x), int(y), int(z))
    if not 1 <= min(sizes) <= max(sizes) <= LARGEST:
        raise ValueError(
            f"`{path}` must have sizes from 1 to {LARGEST} in its name, got {x}, {y} and {z}."
        )
    return "_".join(words).strip("_"), sizes


def is_grid_name(path: Path) -> bool:
    """Whether a file has a name as those of this layout have."""
    try:
        _name_and_sizes(path)
    except ValueError:
        return False
    return True


def read_recgan_grid(path: Path) -> Bool[np.ndarray, "64 64 64"]:
    """The grid of a file, padded or cut to the cube.

    Raises:
        ValueError: If the file is damaged or its name does not tell sizes.
    """
    import torch  # here, because whoever reads any data asks for this layout

    from nebulatent.ops.voxel_points import centred

    _, sizes = _name_and_sizes(path)
    cells = np.zeros(sizes, dtype=bool)
    cells[tuple(_rows(path, sizes).T)] = True
    cube = centred(torch.from_numpy(cells)[None, None].float(), RESOLUTION)
    return cube[0, 0].bool().numpy()


def _rows(path: Path, sizes: tuple[int, int, int]) -> np.ndarray:
    """Places of the filled cells, each within the sizes."""
    limit = ROW_BYTES * (int(np.prod(sizes)) + 1)
    if path.stat().st_size > limit:
        raise ValueError(
            f"`{path}` must have at most one row for each of {sizes[0]}×{sizes[1]}×{sizes[2]} "
            f"cells, got {path.stat().st_size} bytes."
        )
    raw = path.read_bytes()
    if not raw.strip():
        raise ValueError(f"`{path}` must hold filled cells, got an empty file.")
    try:
        rows = np.loadtxt(io.BytesIO(raw), dtype=np.float64, ndmin=2, comments=None)
    except (ValueError, UnicodeDecodeError) as error:
        raise ValueError(f"`{path}` must hold rows `x y z`, got other text.") from error
    if rows.shape[1] not in (3, 4) or not (rows[:, 3:] == 1).all():
        raise ValueError(
            f"`{path}` must hold rows `x y z` or `x y z 1`, got {rows.shape[1]} columns or a cell "
            "that is not 1."
        )
    places = rows[:, :3]
    if not (
        (places >= 0) & (places < sizes) & (places == np.trunc(places))
    ).all():  # NaN is neither
        raise ValueError(
            f"`{path}` must hold whole numbers within the sizes of its name, {sizes}, got others."
        )
    return places.astype(np.int64)
