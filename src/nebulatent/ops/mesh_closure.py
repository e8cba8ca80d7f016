r"""Whether triangles close a solid, and which way they face.

Give each side of a triangle the direction in which its corners run. The mesh is the boundary of
something if every line between two points is run through as often one way as the other:

.. math:: \sum_{\text{triangles}} \partial\,\text{triangle} = 0

Then the winding number is the same along whichever ray it is counted. It is no condition on
manifoldness: pieces may overlap, touch and share sides. If the sum is not 0 but every line belongs
to an even number of triangles, some only face the wrong way; those can be turned.

Many meshes of collections are two-sided: each triangle is there a second time, facing the other
way. They are trivially closed around nothing; of such pieces one side is kept, and turned outwards.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt64
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


class Sides(NamedTuple):
    """Lines between points that sides of triangles run along.

    Arguments:
        line: Number of the line of each side; sides of a triangle stand together.
        way: 1 or -1: in which direction the side runs along it.
        num_lines: Number of lines.
    """

    line: Int[np.ndarray, " sides"]
    way: Int[np.ndarray, " sides"]
    num_lines: int

    @property
    def num_open(self) -> int:
        """How many lines are run through more often one way than the other."""
        return int(np.count_nonzero(np.bincount(self.line, self.way, self.num_lines)))

    @property
    def num_odd(self) -> int:
        """How many lines belong to an odd number of triangles: the rims of holes."""
        return int(np.count_nonzero(np.bincount(self.line, minlength=self.num_lines) % 2))


def is_closed(triangles: Int[np.ndarray, "triangles 3"]) -> bool:
    """Whether the lines run through one way are those run through the other way, counted.

    Two sorts of half the sides each: some ten times as quick as numbering the lines.

    Examples:
        >>> tetrahedron = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
        >>> is_closed(tetrahedron), is_closed(tetrahedron[1:])
        (True, False)
    """
    size = int(triangles.max(initial=0)) + 1
    kind = np.uint32 if size <= 1 << 16 else np.int64  # of size² numbers
    corners = triangles.T.astype(kind, order="C")
    start, end = corners.ravel(), np.roll(corners, -1, axis=0).ravel()
    ahead, back = start < end, start > end
    there = start[ahead] * kind(size) + end[ahead]
    return np.array_equal(np.sort(there), np.sort(end[back] * kind(size) + start[back]))


def has_twins(triangles: Int[np.ndarray, "triangles 3"]) -> bool:
    """Whether two triangles may have the same corners; a chance to be wrong there is 2⁻⁶⁴ a pair.

    Examples:
        >>> has_twins(np.array([[0, 1, 2], [3, 1, 2]])), has_twins(np.array([[0, 1, 2], [2, 1, 0]]))
        (False, True)
    """
    a, b, c = _scattered(int(triangles.max(initial=0)) + 1)[triangles.T]
    key = np.sort(a + b + c)  # whatever the order of the corners
    return bool((key[1:] == key[:-1]).any())


def _scattered(size: int) -> UInt64[np.ndarray, " size"]:
    """So many random-looking numbers of 64 bits (Steele, Lea, Flood, SplitMix, OOPSLA 2014)."""
    x = np.arange(1, size + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def mended_corners(
    points: Float[np.ndarray, "points 3"], triangles: Int[np.ndarray, "triangles 3"]
) -> Float[np.ndarray, "closed 3 3"] | None:
    """Corners of the triangles once welded, one-sided and, if needed, some of them turned.

    None if that does not close them: there are holes.
    """
    points, triangles = welded(points, triangles)
    triangles = one_sided(triangles)
    sides = sides_of(triangles)
    if sides.num_open and not sides.num_odd:
        triangles = faced_alike(points, triangles)
        sides = sides_of(triangles)
    return None if sides.num_open else points[triangles]


def welded(
    points: Float[np.ndarray, "points 3"], triangles: Int[np.ndarray, "triangles 3"]
) -> tuple[Float[np.ndarray, "places 3"], Int[np.ndarray, "welded 3"]]:
    """Points at the same place made one.

    Triangles of fewer than three places bound nothing and are left out.
    """
    order = np.lexsort(points.T)
    first = np.concatenate([[True], np.any(np.diff(points[order], axis=0) != 0, axis=1)])
    place = np.empty(len(points), dtype=np.int64)
    place[order] = np.cumsum(first) - 1
    a, b, c = place[triangles].T
    distinct = (a != b) & (b != c) & (c != a)
    return points[order[first]], np.stack([a, b, c], axis=1)[distinct]


def one_sided(triangles: Int[np.ndarray, "triangles 3"]) -> Int[np.ndarray, "kept 3"]:
    """Of connected pieces in which each triangle has a twin that faces the other way, one of each.

    Other pieces stay as they are: there, such a pair is an inner wall, which winds around nothing.
    """
    if not len(triangles):
        return triangles
    order = np.argsort(triangles, axis=1)
    even = (order[:, 1] - order[:, 0]) % 3 == 1
    corners, first, twin = np.unique(
        np.sort(triangles, axis=1), axis=0, return_index=True, return_inverse=True
    )
    lone = np.bincount(twin.ravel(), np.where(even, 1, -1), len(corners)) != 0
    size = int(triangles.max()) + 1
    start, end = corners[:, :2].ravel(), corners[:, 1:].ravel()
    joined = coo_matrix((np.ones(len(start), bool), (start, end)), shape=(size, size))
    _, piece = connected_components(joined, directed=False)
    plain = np.zeros(size, dtype=bool)
    plain[piece[corners[lone, 0]]] = True
    kept = plain[piece[triangles[:, 0]]]
    kept[first] = True
    return triangles[kept]


def sides_of(triangles: Int[np.ndarray, "triangles 3"]) -> Sides:
    """The sides of triangles and the lines they run along."""
    corners, size = triangles.astype(np.int64), int(triangles.max(initial=0)) + 1
    start, end = corners.ravel(), corners[:, (1, 2, 0)].ravel()
    key = np.minimum(start, end) * size + np.maximum(start, end)
    lines, line = np.unique(key, return_inverse=True)
    return Sides(line.ravel(), np.where(start < end, 1, -1), len(lines))


def faced_alike(
    points: Float[np.ndarray, "points 3"], triangles: Int[np.ndarray, "triangles 3"]
) -> Int[np.ndarray, "triangles 3"]:
    """Triangles turned so that neighbours agree and each connected piece has a positive volume.

    Our reading: neighbours are two triangles that alone share a line; where more meet, as where
    pieces touch, nothing follows. A piece that cannot be made to agree (a Möbius band) stays as it
    is. A hollow of a solid is a piece of its own, so it is filled.

    Arguments:
        points: Positions.
        triangles: Of three different points each.
    """
    sides = sides_of(triangles)
    count = len(triangles)
    order = np.argsort(sides.line, kind="stable")
    used = np.bincount(sides.line, minlength=sides.num_lines)
    first = (np.cumsum(used) - used)[used == 2]
    one, two = order[first], order[first + 1]
    left, right = one // 3, two // 3
    agree = sides.way[one] != sides.way[two]
    # Two copies of each triangle, as it is and turned; copies that agree are joined.
    other = np.where(agree, right, right + count)
    opposite = np.where(agree, right + count, right)
    rows, columns = np.concatenate([left, left + count]), np.concatenate([other, opposite])
    joined = coo_matrix((np.ones(len(rows), bool), (rows, columns)), shape=(2 * count,) * 2)
    _, piece = connected_components(joined, directed=False)
    asis, turned = piece[:count], piece[count:]
    corners = points[triangles] - points[triangles[:1, :1]]
    volume = np.einsum("ti,ti->t", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    total = np.bincount(asis, volume, 2 * count) - np.bincount(turned, volume, 2 * count)
    flip = (asis != turned) & ((total[asis] < 0) | ((total[asis] == 0) & (asis > turned)))
    return np.where(flip[:, None], triangles[:, ::-1], triangles)
