r"""Points on the boundary of a union of convex solids, uniform by area.

A point drawn from the triangles of all solids is kept if no other solid covers it. Let :math:`n` be
its outward normal and :math:`\varepsilon` a small step. Another solid covers it if the point is
strictly inside, if :math:`p + \varepsilon n` is (the two touch there), or if both have the same
face there, :math:`p - \varepsilon n` being inside, and the other comes first. Every piece of the
boundary is so counted once, and no piece of the inside at all.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from nebulatent.data.shapes.planes import Faces

TOUCH = 1e-9  # heights below this are 0: a shape's longest side is 1, rounding is some 1e-16
STEP = 1e-6
SPARE = 1.6  # points drawn for each one asked for; a usual share is covered


class Surface(NamedTuple):
    """Points of a surface.

    Arguments:
        points: Positions.
        normals: Outward unit normals.
        part: Part of each point, a global number (:mod:`.categories`).
    """

    points: Float[np.ndarray, "points 3"]
    normals: Float[np.ndarray, "points 3"]
    part: Int[np.ndarray, " points"]


def sample_surface(
    faces: Faces, part: Int[np.ndarray, " solids"], count: int, generator: np.random.Generator
) -> Surface:
    """Points of the boundary of the union, each piece of area as likely as any other.

    Arguments:
        faces: Of the solids.
        part: Part of each solid.
        count: Number of points.
        generator: Source of all randomness.
    """
    a, b, c = faces.vertices[faces.triangles].transpose(1, 0, 2)
    cross = np.cross(b - a, c - a)
    reach = np.sqrt(np.einsum("ti,ti->t", cross, cross)).cumsum()
    found, missing = [], count
    while missing > 0:
        pick = generator.random((int(missing * SPARE) + 16, 3))
        triangle = np.searchsorted(reach, pick[:, 0] * reach[-1], side="right")
        triangle = np.minimum(triangle, len(reach) - 1)
        root, along = np.sqrt(pick[:, 1:2]), pick[:, 2:]
        corner = a[triangle]
        points = corner + root * (
            (1 - along) * (b[triangle] - corner) + along * (c[triangle] - corner)
        )
        face = faces.face[triangle]
        solid = np.searchsorted(faces.starts, face, side="right") - 1
        open_ = ~_covered(faces, points, faces.normals[face], solid)
        found.append((points[open_], face[open_], solid[open_]))
        missing -= int(open_.sum())
    points, face, solid = (np.concatenate(some)[:count] for some in zip(*found, strict=True))
    return Surface(points, faces.normals[face], part[solid])


def _covered(
    faces: Faces,
    points: Float[np.ndarray, "points 3"],
    normals: Float[np.ndarray, "points 3"],
    solid: Int[np.ndarray, " points"],
) -> Bool[np.ndarray, " points"]:
    """Whether another solid covers a point of a solid's surface."""
    heights = faces.heights(points)
    heights[solid, np.arange(len(points))] = np.inf
    least = heights.min(axis=0)
    covered = least < -TOUCH
    near = np.flatnonzero(~covered & (least <= TOUCH))
    if len(near):
        touches = np.abs(heights[:, near]) <= TOUCH
        above = faces.heights(points[near] + STEP * normals[near]) < 0
        below = faces.heights(points[near] - STEP * normals[near]) < 0
        first = np.arange(len(heights))[:, None] < solid[near]
        covered[near] = (touches & (above | (below & first))).any(axis=0)
    return covered
