r"""The surface of filled cells, as triangles: what a grid looks like.

A face of a filled cell is seen if the cell on its other side is empty or beyond the grid. Two
triangles each, counter-clockwise from outside: the mesh is closed, and its solid is the cells.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from nebulatent.ops.voxels import Grid

# Corners of the face across +x, counter-clockwise from +x, as steps along y and z.
AROUND = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
HALVES = np.array([[0, 1, 2], [0, 2, 3]])


def cell_surface(
    cells: Bool[np.ndarray, "x y z"], grid: Grid
) -> tuple[Float[np.ndarray, "points 3"], Int[np.ndarray, "triangles 3"]]:
    """Points and triangles of the faces between filled cells and all else.

    Arguments:
        cells: As many along each axis as the grid has.
        grid: Where they lie.

    Raises:
        ValueError: If the cells are not those of the grid.

    Examples:
        >>> points, triangles = cell_surface(np.ones((1, 1, 1), bool), Grid(1, 1.0))
        >>> points.shape, triangles.shape
        ((8, 3), (12, 3))
    """
    if cells.shape != (grid.resolution,) * 3:
        raise ValueError(
            f"`cells` must be {grid.resolution} along each axis, as the grid has, got "
            f"{list(cells.shape)}."
        )
    around = np.pad(cells, 1)
    quads = []
    for axis in range(3):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        for way in (1, -1):
            beyond = np.roll(around, -way, axis)[1:-1, 1:-1, 1:-1]
            corners = np.repeat(np.argwhere(cells & ~beyond)[:, None], 4, axis=1)
            corners[..., axis] += (way + 1) // 2
            corners[..., first] += AROUND[::way, 0]
            corners[..., second] += AROUND[::way, 1]
            quads.append(corners)
    corners = np.concatenate(quads)
    size = grid.resolution + 1
    number = (corners[..., 0] * size + corners[..., 1]) * size + corners[..., 2]
    places, index = np.unique(number.ravel(), return_inverse=True)
    steps = np.stack([places // size**2, places // size % size, places % size], axis=1)
    return grid.corner + steps * grid.cell, index.reshape(-1, 4)[:, HALVES].reshape(-1, 3)
