r"""One shape: the union of convex solids, exactly.

A point is in the shape if it is in one of its solids. Where solids overlap or touch, pieces of
their surfaces lie inside the union; :meth:`Shape.mesh` keeps them, :meth:`Shape.sample` does not.

Frame: z is up and the front looks towards -y; the bounding box is centred at the origin and its
longest side is 1.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from nebulatent.data.shapes.planes import Faces, to_faces
from nebulatent.data.shapes.solids import Solid
from nebulatent.data.shapes.surface import Surface, sample_surface

SIDE = 1.1  # of the cube that a grid covers: a shape of longest side 1, and a margin
BLOCK = 4_000_000  # numbers of faces × points in memory at once


class Mesh(NamedTuple):
    """Closed meshes, one for each solid of a shape.

    They are not cut where they overlap: faces inside the union remain. So a point is inside where
    the winding number is positive, not where a ray crosses an odd number of faces.

    Arguments:
        vertices: Corners.
        faces: Triangles as rows of `vertices`, counter-clockwise seen from outside.
        part: Part of each triangle, a global number (:mod:`.categories`).
        solid: Solid of each triangle.
    """

    vertices: Float[np.ndarray, "vertices 3"]
    faces: Int[np.ndarray, "faces 3"]
    part: Int[np.ndarray, " faces"]
    solid: Int[np.ndarray, " faces"]


class Shape:
    """A union of convex solids.

    Arguments:
        solids: At least one, in any unit; they are centred and scaled together.
        part_ids: Global number of each part's name.
    """

    def __init__(self, solids: Sequence[Solid], part_ids: dict[str, int]) -> None:
        self.faces = _unit_box(to_faces(solids))
        self.part = np.array([part_ids[solid.part] for solid in solids])

    @property
    def num_solids(self) -> int:
        """Number of convex solids."""
        return len(self.part)

    def signed_distance(
        self, points: Float[np.ndarray, "points 3"]
    ) -> Float[np.ndarray, " points"]:
        """Negative inside, positive outside, and in size never more than the distance.

        It is the smallest, over the solids, of the largest height over a solid's faces: exact
        inside a single solid, a bound (good for sphere tracing) near edges and where solids meet.
        """
        points = np.asarray(points, dtype=np.float64)
        step = max(BLOCK // len(self.faces.normals), 1)
        parts = [points[i : i + step] for i in range(0, len(points), step)]
        heights = [self.faces.heights(part).min(axis=0) for part in parts]
        return np.concatenate(heights) if heights else np.zeros(0)

    def contains(self, points: Float[np.ndarray, "points 3"]) -> Bool[np.ndarray, " points"]:
        """Whether points lie in the shape; its surface does."""
        return self.signed_distance(points) <= 0

    def mesh(self) -> Mesh:
        """One closed mesh for each solid."""
        solid = np.searchsorted(self.faces.starts, self.faces.face, side="right") - 1
        return Mesh(self.faces.vertices, self.faces.triangles, self.part[solid], solid)

    def sample(self, count: int, generator: np.random.Generator) -> Surface:
        """Points of the surface of the union, each piece of area as likely as any other.

        Arguments:
            count: Number of points.
            generator: Source of all randomness.

        Raises:
            ValueError: If `count` is not positive.
        """
        if count < 1:
            raise ValueError(f"`count` must be positive, got {count}.")
        return sample_surface(self.faces, self.part, count, generator)

    def occupancy(
        self, resolution: int = 32, side: float = SIDE
    ) -> Bool[np.ndarray, "resolution resolution resolution"]:
        """Which cells of a grid have their centre in the shape; axes x, y, z.

        Arguments:
            resolution: Cells along each side of the grid.
            side: Length of the cube that it covers, centred at the origin.

        Raises:
            ValueError: If `resolution` or `side` is not positive.
        """
        if resolution < 1 or not side > 0:
            raise ValueError(
                f"`resolution` and `side` must be positive, got {resolution} and {side}."
            )
        centres = ((np.arange(resolution) + 0.5) / resolution - 0.5) * side
        grid = np.zeros((resolution,) * 3, dtype=bool)
        first = np.searchsorted(centres, self.faces.low)
        last = np.searchsorted(centres, self.faces.high, side="right")
        for i, own in enumerate(self.faces.of_solids()):
            cells = tuple(slice(a, b) for a, b in zip(first[i], last[i], strict=True))
            grid[cells] |= _inside(own, *(centres[axis] for axis in cells))
        return grid


def _inside(
    planes: Float[np.ndarray, "faces 4"],
    x: Float[np.ndarray, " nx"],
    y: Float[np.ndarray, " ny"],
    z: Float[np.ndarray, " nz"],
) -> Bool[np.ndarray, "nx ny nz"]:
    """Which points of a grid are under all of some faces."""
    a, b, c, offset = planes.T[..., None]
    level = (a * x)[:, :, None] + (b * y + offset)[:, None]
    return (level[..., None] + (c * z)[:, None, None]).max(axis=0) <= 0


def _unit_box(faces: Faces) -> Faces:
    """Centre the bounding box and make its longest side 1."""
    low, high = faces.vertices.min(axis=0), faces.vertices.max(axis=0)
    centre, longest = (low + high) / 2, (high - low).max()
    return faces._replace(
        vertices=(faces.vertices - centre) / longest,
        offsets=(faces.offsets + faces.normals @ centre) / longest,
        low=(faces.low - centre) / longest,
        high=(faces.high - centre) / longest,
    )
