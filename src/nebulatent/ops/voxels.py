r"""A mesh on a grid of cubes: the cells inside it, the cells that its surface touches.

A cell is inside if the mesh winds around its centre :math:`p`. Going up from there, a surface
crossed from inside to outside counts 1, one crossed inwards -1:

.. math:: w(p) = \sum_{\text{crossings above } p} \operatorname{sign}(n \cdot e_z), \qquad
    \text{inside} \iff w(p) \ne 0

Pieces that overlap, and faces that they leave inside, are so counted right, where parity would make
holes of overlaps. All columns of the grid are scanned at once (:mod:`.scan_lines`), without any
tolerance. A mesh that is not closed has no winding number; there a cell is inside if the surface
touches it, or keeps it from the border of the grid.

Source: inside and outside by winding number, Jacobson, Kavan, Sorkine-Hornung, SIGGRAPH 2013, for
closed meshes; touched cells, Akenine-Möller, Fast 3D Triangle-Box Overlap Testing, 2001.
Our reading: not 0 rather than positive, so that a mesh turned inside out is the same solid.
"""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.ndimage import binary_fill_holes

from nebulatent.ops.mesh_closure import has_twins, is_closed, mended_corners
from nebulatent.ops.scan_lines import Samples, scan_triangles
from nebulatent.ops.touched_cells import touched_cells

MAX_CELLS = 1 << 27  # 512³; solid cells need some 6 bytes each while they are counted
LARGEST, SMALLEST = 1e9, 1e-100  # sizes in grid sides, and lengths: products must stay finite
FLAT = 1e-13  # of the variances along the narrowest and the widest direction
Fill = Literal["solid", "surface", "both"]


class Grid(NamedTuple):
    """A cube of cells.

    Arguments:
        resolution: Cells along each side.
        side: Length of a side.
        centre: Middle of the cube.
    """

    resolution: int = 32
    side: float = 1.1
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def cell(self) -> float:
        """Length of a cell's side."""
        return self.side / self.resolution

    @property
    def corner(self) -> Float[np.ndarray, " 3"]:
        """The corner with the smallest coordinates."""
        return np.asarray(self.centre, dtype=np.float64) - self.side / 2

    def centres(self) -> Float[np.ndarray, "3 resolution"]:
        """Coordinates of the cells' centres along x, y and z."""
        places = ((np.arange(self.resolution) + 0.5) / self.resolution - 0.5) * self.side
        return np.asarray(self.centre, dtype=np.float64)[:, None] + places

    def cells_of(self, points: Float[np.ndarray, "points 3"]) -> Int[np.ndarray, "inside 3"]:
        """The cell of each point that lies in the grid; a cell has its lower faces."""
        place = np.floor((points - self.corner) / self.cell)
        inside = ((place >= 0) & (place < self.resolution)).all(axis=1)
        return place[inside].astype(np.int64)


class Voxelised(NamedTuple):
    """Cells of a mesh, and how they were found.

    Arguments:
        cells: Which are filled, indexed (x, y, z).
        closed: Whether the mesh bounds a solid, so that its winding number decided.
    """

    cells: Bool[np.ndarray, "x y z"]
    closed: bool


def grid_around(
    points: Float[np.ndarray, "points 3"], resolution: int = 32, margin: float = 1.1
) -> Grid:
    """The grid in whose middle the bounding box of points lies, `margin` times its longest side.

    Raises:
        ValueError: If the points are none, not finite, or all at one place.

    Examples:
        >>> grid_around(np.array([[0.0, 0.0, 0.0], [4.0, 2.0, 0.0]]), 8, margin=1.0)
        Grid(resolution=8, side=4.0, centre=(2.0, 1.0, 0.0))
    """
    _check_points(points)
    low, high = points.min(axis=0), points.max(axis=0)
    longest = float((high - low).max())
    if longest < SMALLEST:
        raise ValueError(f"`points` must not all lie at one place, got {len(points)} there.")
    x, y, z = ((low + high) / 2).tolist()
    return check_grid(Grid(resolution, margin * longest, (x, y, z)))


def check_grid(grid: Grid) -> Grid:
    """The grid, if there is such a one and memory for it.

    Raises:
        ValueError: If there is not.
    """
    if grid.resolution < 1 or grid.resolution**3 > MAX_CELLS:
        raise ValueError(
            f"`resolution` must be at least 1 and give at most {MAX_CELLS} cells (512 along each "
            f"side), got {grid.resolution}."
        )
    if not (0 < grid.side < np.inf and np.isfinite(grid.centre).all()):
        raise ValueError(
            "`side` must be positive and `centre` finite, got "
            f"{grid.side} around {tuple(grid.centre)}."
        )
    return grid


def voxelise(
    points: Float[np.ndarray, "points 3"],
    triangles: Int[np.ndarray, "triangles 3"],
    grid: Grid,
    fill: Fill = "solid",
) -> Voxelised:
    """The cells of a mesh.

    If triangles that face the wrong way are all that keeps it from being closed, they are turned;
    of a two-sided mesh one side counts. If it has holes, `"solid"` is what the touched cells
    enclose, and they themselves: holes of less than a cell are closed, a box without a lid is its
    walls.

    Arguments:
        points: Positions.
        triangles: Three numbers of points each.
        grid: Where; what lies outside is left out, but still counts for what is inside.
        fill: `"solid"` for cells with their centre inside, `"surface"` for cells touched by a
            triangle, `"both"` for either: thinner than a cell, a part has no centre inside.

    Raises:
        ValueError: If the mesh is empty or flat, or has coordinates that are not finite.

    Examples:
        >>> corners = np.array([[0.0, 0, 0], [4, 0, 0], [0, 4, 0], [0, 0, 4]])
        >>> faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
        >>> found = voxelise(corners, faces, Grid(4, 4.0, (2.0, 2.0, 2.0)))
        >>> int(found.cells.sum()), found.closed
        (10, True)
    """
    check_grid(grid)
    points, triangles = np.asarray(points, dtype=np.float64), np.asarray(triangles)
    check_mesh(points, triangles, grid)
    corners = points[triangles]
    plain = is_closed(triangles) and not has_twins(triangles)
    closed = corners if plain else mended_corners(points, triangles)
    if fill == "surface":
        return Voxelised(touched_cells(corners, *_frame(grid)), closed is not None)
    cells = None if closed is None else solid_cells(closed, grid)
    if plain and cells is not None and not cells.any():  # two sides with corners of their own
        closed = mended_corners(points, triangles)
        cells = None if closed is None else solid_cells(closed, grid)
    if cells is None or not cells.any():
        _check_thick(points, triangles)
    if cells is None or fill == "both":
        touched = touched_cells(corners, *_frame(grid))
        cells = np.asarray(binary_fill_holes(touched)) if cells is None else cells | touched
    return Voxelised(cells, closed is not None)


def solid_cells(
    corners: Float[np.ndarray, "triangles 3 3"], grid: Grid
) -> Bool[np.ndarray, "x y z"]:
    """Cells around whose centre a closed mesh winds.

    Arguments:
        corners: Three points of each triangle of a closed mesh.
        grid: Where.
    """
    size, middle = grid.resolution, grid.corner + grid.cell / 2
    along = [Samples(float(first), grid.cell, size) for first in middle]
    # Entry k + 1 of a column: crossings above the centre of cell k and not above that of k + 1.
    change = np.zeros((size, size, size + 1), dtype=np.int32)
    for found in scan_triangles(corners, along[0], along[1]):
        place = found.column.astype(np.int64) * size + found.row
        place = place * (size + 1) + along[2].below(found.height)
        np.add.at(change.reshape(-1), place, found.sign.astype(np.int32))
    cells = np.empty((size,) * 3, dtype=bool)
    for i, plane in enumerate(change):
        cells[i] = np.cumsum(plane[:, :0:-1], axis=1)[:, ::-1] != 0
    return cells


def _frame(grid: Grid) -> tuple[Float[np.ndarray, " 3"], float, int]:
    return grid.corner, grid.cell, grid.resolution


def check_mesh(
    points: Float[np.ndarray, "points 3"], triangles: Int[np.ndarray, "triangles 3"], grid: Grid
) -> None:
    """Refuse what is no mesh, or cannot be computed with.

    Raises:
        ValueError: If there are no triangles, a coordinate is not finite or far beyond the grid, or
            a triangle has a corner that is no point.
    """
    if not len(triangles):
        raise ValueError(
            f"`triangles` must be at least one, got none for {len(points)} points; a cloud has no "
            "inside."
        )
    largest = _check_points(points)
    if triangles.min() < 0 or triangles.max() >= len(points):
        raise ValueError(
            f"`triangles` must be numbers of the {len(points)} points, got {triangles.min()} to "
            f"{triangles.max()}."
        )
    far = (largest + float(np.abs(grid.centre).max())) / grid.side
    if far > LARGEST:
        raise ValueError(
            f"`points` and the grid must lie within {LARGEST:.0e} of its sides from the origin, "
            f"got {far:.1e}; move the mesh there, and take the grid of `grid_around`."
        )


def _check_points(points: Float[np.ndarray, "points 3"]) -> float:
    """The largest coordinate by size."""
    if not len(points):
        raise ValueError("`points` must be at least one, got none.")
    largest = float(np.abs(points).max())
    if not largest <= 1 / SMALLEST:  # NaN is not
        bad = ~(np.abs(points) <= 1 / SMALLEST).all(axis=1)
        raise ValueError(
            f"`points` must be finite and at most {1 / SMALLEST:.0e} in size, got {int(bad.sum())} "
            f"of {len(points)} that are not; remove or rescale them."
        )
    return largest


def _check_thick(
    points: Float[np.ndarray, "points 3"], triangles: Int[np.ndarray, "triangles 3"]
) -> None:
    used = np.zeros(len(points), dtype=bool)
    used[triangles] = True
    offset = points[used] - points[triangles[0, 0]]
    offset = offset / max(float(np.abs(offset).max()), SMALLEST)
    offset -= offset.mean(axis=0)
    variance = np.linalg.eigvalsh(offset.T @ offset)
    if variance[0] <= FLAT * variance[2]:
        raise ValueError(
            f"`points` must span a solid, got {len(triangles)} triangles in one plane; voxelise "
            'their surface instead (`fill="surface"`).'
        )
