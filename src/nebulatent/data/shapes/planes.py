r"""Solids as half-spaces and as triangles.

A convex polyhedron is :math:`\{p : \max_i\, n_i \cdot p + o_i \le 0\}` over its faces, with unit
normals that point outwards. Inside, the maximum is minus the distance to the surface; outside it
is at most the distance.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from nebulatent.data.shapes.solids import Solid


class Faces(NamedTuple):
    """The faces of several solids, those of a solid next to each other.

    Arguments:
        normals: Outward unit normal of each face.
        offsets: The plane is where `normals @ p + offsets` is 0.
        starts: First face of each solid.
        vertices: Corners of all solids.
        triangles: Rows of `vertices`, counter-clockwise seen from outside.
        face: The face that each triangle is a piece of.
        low: Lower corner of each solid's bounding box.
        high: Upper corner of each solid's bounding box.
    """

    normals: Float[np.ndarray, "faces 3"]
    offsets: Float[np.ndarray, " faces"]
    starts: Int[np.ndarray, " solids"]
    vertices: Float[np.ndarray, "vertices 3"]
    triangles: Int[np.ndarray, "triangles 3"]
    face: Int[np.ndarray, " triangles"]
    low: Float[np.ndarray, "solids 3"]
    high: Float[np.ndarray, "solids 3"]

    def heights(self, points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "solids points"]:
        """Of each point over each solid: negative inside, 0 on the surface."""
        over = self.normals @ points.T
        over += self.offsets[:, None]
        return np.maximum.reduceat(over, self.starts, axis=0)

    def of_solids(self) -> list[Float[np.ndarray, "faces 4"]]:
        """Normals and offsets of the faces of each solid."""
        planes = np.concatenate([self.normals, self.offsets[:, None]], axis=1)
        return np.split(planes, self.starts[1:])


def to_faces(solids: Sequence[Solid]) -> Faces:
    """Faces of solids, in their order."""
    sides = np.array([len(solid.low) for solid in solids])
    starts = np.cumsum(sides + 2) - (sides + 2)
    corners = np.cumsum(2 * sides) - 2 * sides
    vertices = np.concatenate([ring for solid in solids for ring in (solid.low, solid.high)])
    own = [_topology(int(count)) for count in sides]
    triangles = np.concatenate([o.triangles + c for o, c in zip(own, corners, strict=True)])
    face = np.concatenate([o.face + s for o, s in zip(own, starts, strict=True)])
    spanning = np.concatenate([o.spanning + c for o, c in zip(own, corners, strict=True)])
    a, b, c = vertices[spanning].transpose(1, 0, 2)
    normals = np.cross(b - a, c - a)
    normals /= np.sqrt(np.einsum("fi,fi->f", normals, normals))[:, None]
    offsets = -np.einsum("fi,fi->f", normals, a)
    low = np.minimum.reduceat(vertices, corners, axis=0)
    high = np.maximum.reduceat(vertices, corners, axis=0)
    return Faces(normals, offsets, starts, vertices, triangles, face, low, high)


class _Topology(NamedTuple):
    triangles: Int[np.ndarray, "triangles 3"]
    face: Int[np.ndarray, " triangles"]
    spanning: Int[np.ndarray, "faces 3"]  # one triangle of each face


@cache
def _topology(sides: int) -> _Topology:
    """Triangles of a solid: lower face, upper face, then the sides in turn."""
    fan = np.arange(1, sides - 1)
    low = np.stack([np.zeros_like(fan), fan + 1, fan], axis=1)
    high = np.stack([np.zeros_like(fan), fan, fan + 1], axis=1) + sides
    i = np.arange(sides)
    j = (i + 1) % sides
    side = np.stack([np.stack([i, j, j + sides], 1), np.stack([i, j + sides, i + sides], 1)], 1)
    face = np.concatenate([np.zeros_like(fan), np.ones_like(fan), np.repeat(i + 2, 2)])
    spanning = np.concatenate([low[:1], high[:1], side[:, 0]])
    return _Topology(np.concatenate([low, high, side.reshape(-1, 3)]), face, spanning)
