"""One shape as its file stores it: points, and the triangles between them if it is a surface.

A polygon of :math:`n` corners becomes the :math:`n - 2` triangles of a fan around its first
corner, which is exact for a flat convex polygon. A polygon of fewer than three corners has no area
and is left out.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8


class Geometry(NamedTuple):
    """A mesh or a cloud.

    Arguments:
        points: Positions; of a mesh its vertices.
        triangles: Three numbers of points each; none means a cloud.
        normals: One per point, where the file has them.
        colours: Red, green and blue of each point, where the file has them.
    """

    points: Float[np.ndarray, "points 3"]
    triangles: Int[np.ndarray, "triangles 3"]
    normals: Float[np.ndarray, "points 3"] | None = None
    colours: UInt8[np.ndarray, "points 3"] | None = None

    @property
    def is_mesh(self) -> bool:
        """Whether there is a surface."""
        return len(self.triangles) > 0


NO_TRIANGLES = np.empty((0, 3), dtype=np.int64)


def check_geometry(geometry: Geometry, source: str) -> Geometry:
    """The geometry, if it holds points, all finite, and triangles between them.

    Raises:
        ValueError: If it does not.
    """
    points, triangles = geometry.points, geometry.triangles
    if not len(points):
        raise ValueError(f"`{source}` must hold points, got none.")
    bad = ~np.isfinite(points).all(axis=1)
    if bad.any():
        raise ValueError(
            f"`{source}` must hold finite coordinates, got {int(bad.sum())} of {len(points)} "
            f"points with NaN or infinity, the first is number {int(bad.argmax())} (counted from "
            "0); remove them."
        )
    if len(triangles) and (triangles.min() < 0 or triangles.max() >= len(points)):
        wrong = triangles[(triangles < 0) | (triangles >= len(points))][0]
        raise ValueError(
            f"`{source}` must have faces between its {len(points)} points (0 to "
            f"{len(points) - 1}), got point {wrong}; the file is damaged or truncated."
        )
    return geometry


def fans(
    sizes: Int[np.ndarray, " polygons"], corners: Int[np.ndarray, " corners"]
) -> Int[np.ndarray, "triangles 3"]:
    """Triangles of polygons.

    Arguments:
        sizes: Number of corners of each polygon.
        corners: The points at the corners, one polygon after the other.

    Examples:
        >>> fans(np.array([4, 2, 3]), np.array([0, 1, 2, 3, 8, 9, 5, 6, 7])).tolist()
        [[0, 1, 2], [0, 2, 3], [5, 6, 7]]
    """
    pieces = np.maximum(sizes - 2, 0)
    first = np.repeat(np.cumsum(sizes) - sizes, pieces)
    step = np.arange(len(first)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    return corners[np.stack([first, first + step + 1, first + step + 2], axis=1)]
