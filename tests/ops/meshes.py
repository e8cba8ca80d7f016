"""Meshes whose solids are known, for the tests of voxels and pictures."""

import numpy as np
from jaxtyping import Float, Int

Mesh = tuple[Float[np.ndarray, "points 3"], Int[np.ndarray, "triangles 3"]]


def box(low: tuple[float, float, float], high: tuple[float, float, float]) -> Mesh:
    """Twelve triangles, counter-clockwise seen from outside."""
    points = np.array([[(low, high)[(k >> i) & 1][i] for i in range(3)] for k in range(8)])
    quads = [(0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5)]
    faces = [t for a, b, c, d in quads for t in ((a, b, c), (a, c, d))]
    return points.astype(np.float64), np.array(faces)


def together(*meshes: Mesh) -> Mesh:
    """Meshes as one, not cut where they overlap."""
    starts = np.cumsum([0] + [len(points) for points, _ in meshes])
    faces = [mesh[1] + start for mesh, start in zip(meshes, starts, strict=False)]
    return np.concatenate([points for points, _ in meshes]), np.concatenate(faces)


def torus(large: float, small: float, count: int) -> Mesh:
    """A ring around the z axis, of `count`² places."""
    a, b = np.meshgrid(*(2 * np.pi * np.arange(count) / count,) * 2, indexing="ij")
    radius = large + small * np.cos(b)
    points = np.stack([radius * np.cos(a), radius * np.sin(a), small * np.sin(b)], -1)
    i, j = (x.ravel() for x in np.meshgrid(*(np.arange(count),) * 2, indexing="ij"))
    p, q = (i + 1) % count, (j + 1) % count
    corners = [x * count + y for x, y in ((i, j), (p, j), (p, q), (i, q))]
    faces = np.concatenate([np.stack([corners[k] for k in o], 1) for o in ((0, 1, 2), (0, 2, 3))])
    return points.reshape(-1, 3), faces


def sphere(radius: float, count: int) -> Mesh:
    """A sphere of `count` rings of `2 * count` places, closed by fans."""
    up = np.pi * (np.arange(1, count) / count)
    round_ = np.pi * np.arange(2 * count) / count
    t, a = np.meshgrid(up, round_, indexing="ij")
    places = np.stack([np.sin(t) * np.cos(a), np.sin(t) * np.sin(a), np.cos(t)], -1).reshape(-1, 3)
    points = radius * np.concatenate([[[0, 0, 1.0]], places, [[0, 0, -1.0]]])
    wide, last = 2 * count, len(points) - 1
    faces = []
    for j in range(wide):
        k = (j + 1) % wide
        faces += [(0, 1 + j, 1 + k), (last, last - wide + k, last - wide + j)]
        for i in range(count - 2):
            a0, b0 = 1 + i * wide, 1 + (i + 1) * wide
            faces += [(a0 + j, b0 + j, b0 + k), (a0 + j, b0 + k, a0 + k)]
    return points, np.array(faces)
