"""Scans as files: grids of the cells that one view sees of a shape, without the whole shape.

| file | what is read |
|---|---|
| `.binvox`, `.mat` | one grid |
| `.npy` | R×R×R, or N×R×R×R |
| `.npz` | the same, named `partial`, as `nebulatent prepare` does, or as in :mod:`.voxel_arrays` |
| `.txt` | one grid in 3D-RecGAN's layout (:mod:`.recgan`), which its name tells |
| a folder | all such files in it, sorted by path |

Grids are cubes, as many cells along each side as a network was trained on or more; then a cell is
filled if any that it covers is.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Bool

from nebulatent.data.arrays import load_entries, read_headers
from nebulatent.data.folder import list_files
from nebulatent.data.grid_files import BINVOX, MAT, filled, read_grid_file
from nebulatent.data.limits import check_memory, check_stored
from nebulatent.data.npy_header import read_header
from nebulatent.data.recgan import is_grid_name, read_recgan_grid
from nebulatent.data.scan_pairs import PARTIAL
from nebulatent.data.table import NO_SPLIT, Table, build_table
from nebulatent.data.voxel_arrays import GRIDS
from nebulatent.data.voxel_pairs import PackedGrids, reduced_grids

NPY, NPZ, TXT = ".npy", ".npz", ".txt"


def read_scans(path: Path, resolution: int) -> Table:
    """The scans of a file or folder.

    Arguments:
        path: Of a file, or a folder of files.
        resolution: Cells along each side that a network takes.

    Raises:
        FileNotFoundError: If there is nothing of that name, or no scan in the folder.
        ValueError: If a file is damaged or no grid, or a grid is no cube or too coarse.
    """
    if not path.exists():
        raise FileNotFoundError(
            f"`{path}` must be a file or folder of scans, or builtin:scans, got nothing of that "
            "name."
        )
    files = [file for file in list_files(path) if _is_scan(file)] if path.is_dir() else [path]
    if not files:
        raise FileNotFoundError(
            f"`{path}` must hold scans, grids in files {BINVOX}, {MAT}, {NPY}, {NPZ} or "
            f"3D-RecGAN's {TXT}, got none."
        )
    parts, ids = [], []
    for file in files:
        cells = _cells(file)
        parts.append(_fitted(cells, resolution, file).bits)
        name = file.relative_to(path).as_posix() if path.is_dir() else file.name
        ids += [name] if len(cells) == 1 else [f"{name}/{number}" for number in range(len(cells))]
    x = PackedGrids(np.concatenate(parts), resolution)
    return build_table(x, source=str(path), ids=ids, notes=(NO_SPLIT,))


def _is_scan(path: Path) -> bool:
    suffix = path.suffix.lower()
    return suffix in (BINVOX, MAT, NPY, NPZ) or (suffix == TXT and is_grid_name(path))


def _cells(path: Path) -> Bool[np.ndarray, "grids x y z"]:
    suffix = path.suffix.lower()
    if not _is_scan(path):
        got = f"a {suffix} file" if suffix else "a file without extension"
        raise ValueError(
            f"`{path}` must be a grid in a file {BINVOX}, {MAT}, {NPY}, {NPZ} or 3D-RecGAN's "
            f"{TXT}, or a folder of them, got {got}."
        )
    if suffix == TXT:
        return read_recgan_grid(path)[None]
    if suffix in (BINVOX, MAT):
        return read_grid_file(path)[None]
    return _array(path)


def _array(path: Path) -> Bool[np.ndarray, "grids x y z"]:
    """Grids of NumPy's files, whose headers are checked before they are read."""
    if path.suffix.lower() == NPY:
        header = read_header(lambda: path.open("rb"), str(path))
        check_stored(header.size, path.stat().st_size, str(path))
        name, source = "", str(path)
    else:
        headers = read_headers(path)
        present = {own.lower(): own for own in headers}
        name = next((present[own] for own in (PARTIAL, *GRIDS) if own in present), "")
        if not name:
            raise ValueError(
                f"`{path}` must hold scans named {PARTIAL}, or {', '.join(GRIDS)}, got "
                f"{', '.join(headers) or 'no array'}; rename an entry."
            )
        header, source = headers[name], f"{path}, {name}"
    shape = "×".join(map(str, header.shape)) or "a single number"
    if len(header.shape) not in (3, 4) or 0 in header.shape or header.dtype.kind not in "biuf":
        raise ValueError(
            f"`{source}` must be one grid, R×R×R, or several, N×R×R×R, of 0 and 1, got {shape} of "
            f"type {header.dtype}."
        )
    check_memory(header.size, source)
    loaded = load_entries(path, [name])[name] if name else np.load(path, allow_pickle=False)
    grids = loaded if loaded.ndim == 4 else loaded[None]
    return np.stack([filled(grid, source) for grid in grids])


def _fitted(cells: Bool[np.ndarray, "grids x y z"], resolution: int, path: Path) -> PackedGrids:
    sides = cells.shape[1:]
    if len(set(sides)) > 1 or sides[0] < resolution:
        raise ValueError(
            f"`{path}` must hold cubes of {resolution}×{resolution}×{resolution} cells like the "
            f"training data, or finer ones, got {'×'.join(map(str, sides))}; scan it with more "
            "cells, or train a new model."
        )
    packed = PackedGrids.of(cells[:, None])
    return packed if sides[0] == resolution else reduced_grids(packed, resolution)
