r"""What one depth view knows of a shape, in the frame of the whole.

The pixels of a depth picture are points on the side of the shape that is seen; the cells that hold
one are the partial grid. The truncated signed distance of a cell compares, along the camera's axis,
the depth :math:`D` seen in its direction with its own depth :math:`d`:

.. math:: \operatorname{tsdf} = \operatorname{clip}\bigl((D - d) / \tau,\ -1,\ 1\bigr)

It is positive before the surface (seen to be empty), 0 on it, negative behind it (hidden); 1 in
directions where nothing is seen.

Source: Yang et al., 3D-RecGAN++, TPAMI 2018, for depth → points → grid in the frame of the full
grid; Curless and Levoy, SIGGRAPH 1996, for the distance; hidden cells have -1 ≤ tsdf < 0 as in Song
et al., SSCNet, CVPR 2017.
Our reading: a cell outside the picture is not known to be empty and counts as hidden, -1.
"""

import numpy as np
from jaxtyping import Bool, Float, Float32

from nebulatent.ops.cameras import Camera
from nebulatent.ops.rendering import Picture
from nebulatent.ops.voxels import Grid, check_grid


def scan_points(picture: Picture, camera: Camera) -> Float[np.ndarray, "points 3"]:
    """The points that a view sees, one per pixel, row by row."""
    return camera.points_of(picture.depth, picture.mask)


def scan_cells(picture: Picture, camera: Camera, grid: Grid) -> Bool[np.ndarray, "x y z"]:
    """The cells of a grid in which the view sees the surface."""
    check_grid(grid)
    cells = np.zeros((grid.resolution,) * 3, dtype=bool)
    x, y, z = grid.cells_of(scan_points(picture, camera)).T
    cells[x, y, z] = True
    return cells


def scan_tsdf(
    picture: Picture, camera: Camera, grid: Grid, *, truncation: float = 3.0
) -> Float32[np.ndarray, "x y z"]:
    """Truncated signed distances of the cells' centres.

    Arguments:
        picture: One view, as `camera` sees it.
        camera: Where it was taken.
        grid: Cells to tell the distances of.
        truncation: The distance that becomes 1, in cells.

    Raises:
        ValueError: If `truncation` is not positive.
    """
    if not 0 < truncation < np.inf:
        raise ValueError(f"`truncation` must be positive, got {truncation}.")
    check_grid(grid)
    seen = np.append(picture.depth.astype(np.float64), np.nan)
    size, (xs, ys, zs) = camera.size, grid.centres()
    tsdf = np.empty((grid.resolution,) * 3, dtype=np.float32)
    for i, x in enumerate(xs):
        plane = np.stack(np.broadcast_arrays(x, ys[:, None], zs), axis=-1)
        column, row, inverse = np.moveaxis(camera.project(plane), -1, 0)
        inside = (inverse > 0) & (column >= 0) & (column < size) & (row >= 0) & (row < size)
        pixel = np.where(inside, np.floor(row) * size + np.floor(column), size * size)
        depth = seen[pixel.astype(np.int64)]
        own = 1 / np.where(inside, inverse, 1.0)
        distance = np.clip((depth - own) / (truncation * grid.cell), -1, 1)
        tsdf[i] = np.where(inside, distance, -1.0)
    return tsdf
