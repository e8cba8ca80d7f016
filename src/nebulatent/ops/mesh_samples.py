r"""Points spread over triangles by area.

A point on a triangle with corners a, b, c, uniform if :math:`u, v` are uniform in [0, 1]:

.. math:: p = (1 - \sqrt u)\, a + \sqrt u\, (1 - v)\, b + \sqrt u\, v\, c

and a triangle is drawn with probability proportional to its area.

Source: Osada, Funkhouser, Chazelle, Dobkin, Shape Distributions, ACM TOG 2002, section 4.1, eq. 1.
"""

import numpy as np
from jaxtyping import Float, Int


def sample_triangles(
    corners: Float[np.ndarray, "triangles 3 3"], count: int, generator: np.random.Generator
) -> tuple[Float[np.ndarray, "count 3"], Int[np.ndarray, " count"]]:
    """Points drawn from triangles, and the triangle of each.

    Arguments:
        corners: Three points of each triangle.
        count: Points wanted.
        generator: Draws.

    Raises:
        ValueError: If the triangles have no area, or one that is not finite.
    """
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    with np.errstate(over="ignore", invalid="ignore"):
        areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
        total = areas.cumsum()
    if not (len(total) and 0 < total[-1] < np.inf):
        raise ValueError(
            f"`corners` must be of triangles with an area, got {len(areas)} without; sample the "
            "points instead."
        )
    which = np.searchsorted(total, generator.random(count) * total[-1], side="right")
    which = np.minimum(which, np.flatnonzero(areas)[-1])  # a product that rounds up to the total
    root, v = np.sqrt(generator.random(count))[:, None], generator.random(count)[:, None]
    return (1 - root) * a[which] + root * (1 - v) * b[which] + root * v * c[which], which
