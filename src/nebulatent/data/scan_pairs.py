"""Pairs of partial and whole grids, in a folder that `nebulatent prepare` made.

    Scans/<class>/<id>.npz                      `partial`: the cells that each scanned view sees
    ShapeNetVox32/<class>/<id>/model.binvox     the whole

Each scan is a pair. The split is that of R2N2's layout (:mod:`.r2n2`): of each class the first four
fifths of the ids are for training, so that all scans of a shape are in one part.
"""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from nebulatent.data.arrays import load_entries, read_headers
from nebulatent.data.limits import check_memory
from nebulatent.data.r2n2 import GRIDS, Part, find_grid_folder, grid_bits, part_files
from nebulatent.data.voxel_pairs import PackedGrids, VoxelPairs

SCANS, PARTIAL = "Scans", "partial"


def has_scans(folder: Path) -> bool:
    """Whether a folder has scans beside whole grids."""
    return (folder / SCANS).is_dir() and find_grid_folder(folder) is not None


def read_scan_pairs(folder: Path, part: Part = "train") -> VoxelPairs:
    """All pairs of one part, sorted by class, id and view.

    Raises:
        FileNotFoundError: If a shape has no scans, or the part no shape.
        ValueError: If a file is damaged or its grids have another size than the folder says, or the
            pairs do not fit in memory.
    """
    grids = find_grid_folder(folder)
    files = [] if grids is None else part_files(grids, part)
    if grids is None or not files:
        raise FileNotFoundError(
            f"`{folder}` must hold shapes that `nebulatent prepare` made, got none for {part}."
        )
    side = int(grids.name[len(GRIDS) :])
    names = ["/".join(path.parts[-3:-1]) for path in files]
    places = [folder / SCANS / f"{name}.npz" for name in names]
    counts = [_count(place, side) for place in places]
    check_memory(4 * sum(counts) * (side**3 // 8 + 1), str(folder))  # parts, and all of them
    scans = [_scans(place) for place in places]
    whole = np.stack([grid_bits(path, side) for path in files])
    classes = sorted({path.parts[-3] for path in files})
    return VoxelPairs(
        partial=PackedGrids(np.concatenate(scans), side),
        whole=PackedGrids(whole.repeat(counts, axis=0), side),
        label=np.array([classes.index(path.parts[-3]) for path in files]).repeat(counts),
        categories=tuple(classes),
        ids=tuple(
            f"{name}/{view}"
            for name, count in zip(names, counts, strict=True)
            for view in range(count)
        ),
    )


def _count(path: Path, side: int) -> int:
    """How many scans a file says that it holds.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If they are no grids of this size.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"`{path}` must hold the scans of a shape, got no file there; prepare the shapes with "
            "--scans 1 or more."
        )
    header = read_headers(path).get(PARTIAL)
    like_whole = header is not None and header.shape[1:] == (side,) * 3 and header.shape[0]
    if header is None or not like_whole or header.dtype != bool:
        got = "none" if header is None else f"{'×'.join(map(str, header.shape))} of {header.dtype}"
        raise ValueError(
            f"`{PARTIAL}` in `{path}` must be scans × {side}×{side}×{side} of true and false, like "
            f"the whole, got {got}; prepare the shapes anew."
        )
    return header.shape[0]


def _scans(path: Path) -> UInt8[np.ndarray, "scans bytes"]:
    """The partial grids of a shape, packed."""
    cells = load_entries(path, [PARTIAL])[PARTIAL]
    return np.packbits(cells.reshape(len(cells), -1), axis=1)
