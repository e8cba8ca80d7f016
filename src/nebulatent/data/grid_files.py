"""One file, one occupancy grid: binvox, or a cube in a `.mat` file, as 3D ShapeNets hands them out.

A cube of a `.mat` file is its array `instance`, or the only one of three equal axes; its axes are
those of MATLAB, in their order.

Source: Wu et al., 3D ShapeNets, CVPR 2015 (`instance`, 30 cells along each side).
"""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Shaped

from nebulatent.data.binvox import read_binvox
from nebulatent.data.mat import read_mat

BINVOX, MAT = ".binvox", ".mat"
OWN = "instance"
LEAST = 5  # cells along each side of a cube


def read_grid_file(path: Path) -> Bool[np.ndarray, "x y z"]:
    """Which cells of a file's grid are filled.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged or holds no grid, or several.
    """
    if path.suffix.lower() == BINVOX:
        return read_binvox(path).grid
    arrays = read_mat(path)
    name = cube_of(arrays)
    if name is None:
        held = ", ".join(f"{name} ({'×'.join(map(str, x.shape))})" for name, x in arrays.items())
        raise ValueError(
            f"`{path}` must hold one grid, an array of three equal sides named {OWN} or alone, got "
            f"{held or 'no array of real numbers'}."
        )
    return filled(arrays[name], f"{path}, {name}")


def cube_of(arrays: dict[str, Shaped[np.ndarray, "..."]]) -> str | None:
    """Name of the array that is a file's grid; None if there is none, or no telling which.

    Examples:
        >>> cube_of({"instance": np.ones((5, 5, 5)), "other": np.ones((6, 6, 6))})
        'instance'
    """
    cubes = [
        name
        for name, array in arrays.items()
        if array.ndim == 3 and len(set(array.shape)) == 1 and len(array) >= LEAST
    ]
    if OWN in cubes:
        return OWN
    return cubes[0] if len(cubes) == 1 else None


def filled(cells: Shaped[np.ndarray, "x y z"], source: str) -> Bool[np.ndarray, "x y z"]:
    """Cells as true and false.

    Raises:
        ValueError: If one is neither 0 nor 1.
    """
    other = cells[(cells != 0) & (cells != 1)]
    if len(other):
        raise ValueError(
            f"`{source}` must hold 0 (empty) and 1 (filled) only, got {other[0]}; threshold it "
            "first."
        )
    return cells.astype(bool)
