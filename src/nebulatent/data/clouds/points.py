r"""A mesh or cloud as so many points of the unit sphere.

A mesh gives points spread over its triangles by area (:mod:`nebulatent.ops.mesh_samples`). A cloud
gives some of its points, none twice, or all and some again if it has too few. The draws are seeded
by the shape itself, the bytes of its points and triangles: the same shape gives the same points
whatever its file is called, wherever it lies and whatever else is read.

Every cloud is then centred on the mean of its points and scaled until the farthest has length 1:

.. math:: p_i' = (p_i - \bar p) / \max_j \lVert p_j - \bar p \rVert
"""

import hashlib

import numpy as np
from jaxtyping import Float, Int, Shaped

from nebulatent.data.geometry.geometry import Geometry
from nebulatent.ops.mesh_samples import sample_triangles

NUM_POINTS = 1024  # of a cloud drawn from a file, if nobody says otherwise
TOGETHER = 64  # clouds centred at once, in float64
UNIT_SPHERE = "Each cloud was centred on its mean and scaled to the unit sphere."


def draw_points(geometry: Geometry, count: int, source: str) -> Float[np.ndarray, "count 3"]:
    """Points of one shape, up to a factor that is a power of two.

    Arguments:
        geometry: The shape.
        count: Points wanted.
        source: Its file, for messages.

    Raises:
        ValueError: If the shape is a mesh without area.
    """
    points = _tamed(geometry.points)
    if geometry.is_mesh:
        generator = np.random.default_rng(_seed(geometry))
        try:
            return sample_triangles(points[geometry.triangles], count, generator)[0]
        except ValueError as error:
            raise ValueError(
                f"`{source}` must be a mesh with an area, got {len(geometry.triangles)} triangles "
                "without; remove it, or save its points alone."
            ) from error
    return points[draw_numbers(geometry, count)]


def draw_numbers(geometry: Geometry, count: int) -> Int[np.ndarray, " count"]:
    """Which points of a cloud are taken: none twice, or all and some again."""
    generator = np.random.default_rng(_seed(geometry))
    order = generator.permutation(len(geometry.points))[:count]
    again = generator.integers(len(geometry.points), size=count - len(order))
    return np.concatenate([order, again])


def to_unit_sphere(
    points: Shaped[np.ndarray, "*clouds points 3"],
) -> Float[np.ndarray, "*clouds points 3"]:
    """Clouds centred on their mean, farthest point at distance 1, in float32.

    A cloud of one repeated point becomes zeros.

    Examples:
        >>> to_unit_sphere(np.array([[0.0, 0, 0], [4, 0, 0]])).tolist()
        [[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    """
    if points.ndim == 2:
        return _centred(points)
    clouds = np.empty(points.shape, dtype=np.float32)
    for start in range(0, len(points), TOGETHER):
        clouds[start : start + TOGETHER] = _centred(points[start : start + TOGETHER])
    return clouds


def _centred(
    points: Shaped[np.ndarray, "*clouds points 3"],
) -> Float[np.ndarray, "*clouds points 3"]:
    with np.errstate(invalid="ignore"):  # what is not finite stays so, and a table refuses it
        points = _tamed(points.astype(np.float64))
        points -= points.mean(axis=-2, keepdims=True)
        radius = np.linalg.norm(points, axis=-1).max(axis=-1)[..., None, None]
        return (points / np.where(radius == 0, 1, radius)).astype(np.float32)


def _tamed(points: Float[np.ndarray, "*clouds points 3"]) -> Float[np.ndarray, "*clouds points 3"]:
    """Points divided by a power of two, which rounds nothing, so that no square overflows."""
    exponent = np.frexp(np.abs(points).max(axis=(-2, -1), keepdims=True))[1]
    return np.ldexp(points, -exponent)


def _seed(geometry: Geometry) -> int:
    digest = hashlib.sha256(np.ascontiguousarray(geometry.points, dtype="<f8").tobytes())
    digest.update(np.ascontiguousarray(geometry.triangles, dtype="<i8").tobytes())
    return int.from_bytes(digest.digest()[:16], "little")
