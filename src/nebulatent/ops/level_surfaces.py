r"""Where a function on a grid has a given value, as triangles: marching tetrahedra.

Each cell of eight neighbouring values is cut into six tetrahedra around its diagonal, one for each
order of the axes; in a tetrahedron the function is taken to be linear, so that the surface is a
triangle or two, with corners on its edges at

.. math:: p = a + t\,(b - a), \qquad t = \frac{c - f(a)}{f(b) - f(a)}

Neighbouring cells cut their common face alike, so the surface has no cracks. It is that of marching
cubes with more and smaller triangles, and without that method's ambiguous cases.

Source: Doi and Koide: An Efficient Method of Triangulating Equi-Valued Surfaces by Using
Tetrahedral Cells, IEICE Transactions 1991; Lorensen and Cline, Marching Cubes, SIGGRAPH 1987.
"""

from itertools import permutations

import numpy as np
from jaxtyping import Bool, Float, Int

ORDERS = [list(order) for order in permutations(range(3))]
# Corners of the six tetrahedra of a cell, as steps along x, y and z.
STEPS = np.array([np.cumsum([[0, 0, 0], *np.eye(3, dtype=int)[order]], axis=0) for order in ORDERS])
# Edges between nodes above the level and others, the former first: a triangle, or two of a quad.
CUTS = {
    1: [[(0, 1), (0, 2), (0, 3)]],
    2: [[(0, 2), (0, 3), (1, 3)], [(0, 2), (1, 3), (1, 2)]],
    3: [[(0, 3), (1, 3), (2, 3)]],
}


def level_surface(
    values: Float[np.ndarray, "x y z"],
    level: float,
    *,
    low: Float[np.ndarray, " 3"],
    high: Float[np.ndarray, " 3"],
) -> tuple[Float[np.ndarray, "points 3"], Int[np.ndarray, "triangles 3"]]:
    """Points and triangles of the surface around all values above a level.

    Counter-clockwise from outside, where values are lower. Closed, except where values above the
    level lie on the border of the grid: there the surface ends.

    Arguments:
        values: At the nodes of a grid, at least two along each axis.
        level: The value on the surface.
        low: Place of the first node.
        high: Place of the last node.

    Raises:
        ValueError: If a value or the level is not finite, or an axis has fewer than two nodes.

    Examples:
        >>> values = np.array([[[3.0, 0], [0, 0]], [[0, 0], [0, 0]]])
        >>> corner = level_surface(values, 1.5, low=np.zeros(3), high=np.ones(3))
        >>> [part.shape for part in corner]  # half of each edge and diagonal from the first node
        [(7, 3), (6, 3)]
    """
    if min(values.shape) < 2 or not (high > low).all():
        raise ValueError(
            "`values` must be two or more along each axis, from `low` up to `high`, got "
            f"{values.shape} from {low} to {high}."
        )
    if not (np.isfinite(values).all() and np.isfinite(level)):
        raise ValueError("`values` and `level` must be finite, got NaN or infinity.")
    flat = values.ravel().astype(np.float64)
    spacing = (high - low) / (np.array(values.shape) - 1)
    nodes = low + np.stack(np.unravel_index(np.arange(flat.size), values.shape), 1) * spacing
    corner = _tetrahedra(values.shape, flat > level)
    order = np.argsort(flat[corner] <= level, axis=1, kind="stable")  # those above come first
    corner = np.take_along_axis(corner, order, 1)
    count = (flat[corner] > level).sum(1)
    found = [_cuts(corner[count == number], nodes, number) for number in CUTS]
    cuts = np.concatenate([cut for cut, _ in found])
    edge, triangles = np.unique(cuts @ np.array([flat.size, 1]), return_inverse=True)
    a, b = np.divmod(edge, flat.size)
    share = (level - flat[a]) / (flat[b] - flat[a])
    points = nodes[a] + share[:, None] * (nodes[b] - nodes[a])
    outwards = np.concatenate([down for _, down in found])
    return points, _turned(points, triangles.reshape(-1, 3), outwards)


def _tetrahedra(
    shape: tuple[int, ...], above: Bool[np.ndarray, " nodes"]
) -> Int[np.ndarray, "tetrahedra 4"]:
    """Nodes of the tetrahedra that the surface passes through."""
    strides = np.array([shape[1] * shape[2], shape[2], 1])
    first = strides @ np.indices([size - 1 for size in shape]).reshape(3, -1)
    corner = (first[:, None, None] + STEPS @ strides).reshape(-1, 4)
    count = above[corner].sum(1)
    return corner[(count > 0) & (count < 4)]


def _cuts(
    corner: Int[np.ndarray, "tetrahedra 4"], nodes: Float[np.ndarray, "nodes 3"], number: int
) -> tuple[Int[np.ndarray, "triangles 3 2"], Float[np.ndarray, "triangles 3"]]:
    """Ends of the edges where triangles have their corners, and a direction out of each.

    Arguments:
        corner: Nodes of tetrahedra, those above the level first.
        nodes: Places.
        number: How many of them are above.
    """
    edges = np.array(CUTS[number])
    down = nodes[corner[:, number:]].mean(1) - nodes[corner[:, :number]].mean(1)
    return corner[:, edges].reshape(-1, 3, 2), down.repeat(len(edges), axis=0)


def _turned(
    points: Float[np.ndarray, "points 3"],
    triangles: Int[np.ndarray, "triangles 3"],
    outwards: Float[np.ndarray, "triangles 3"],
) -> Int[np.ndarray, "triangles 3"]:
    """The triangles, turned so that their normals point out."""
    a, b, c = points[triangles].transpose(1, 0, 2)
    inwards = np.einsum("ti,ti->t", np.cross(b - a, c - a), outwards) < 0
    return np.where(inwards[:, None], triangles[:, ::-1], triangles)
