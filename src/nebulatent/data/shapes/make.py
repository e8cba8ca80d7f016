r"""Data sets of shapes, drawn from a seed.

Shape i of a seed depends on the seed, i and the choice of categories alone: how many shapes are
made, how many points are drawn and which options are set change neither its category nor its
factors. Categories take turns, so their sizes differ by at most one.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from nebulatent.data.shapes.categories import CATEGORIES, find_category, make_shape
from nebulatent.data.shapes.shape import Shape

STRETCH = 1.6  # x, y and z are each scaled by up to this or its inverse
AXES = ("stretch_x", "stretch_y", "stretch_z")


class Drawn(NamedTuple):
    """What one shape is.

    Arguments:
        category: Its name.
        factors: Its factors of variation by name, with `stretch_x`, `stretch_y`, `stretch_z` and
            `turn`, which all categories have.
    """

    category: str
    factors: dict[str, float]

    def shape(self) -> Shape:
        """The solid."""
        own = {k: v for k, v in self.factors.items() if k not in AXES and k != "turn"}
        stretch = [self.factors[axis] for axis in AXES]
        return make_shape(self.category, own, stretch=stretch, turn=self.factors["turn"])


class Shapes(NamedTuple):
    """Point clouds of shapes, and all that is known of them.

    Arguments:
        points: Of each shape's surface; its bounding box is centred at the origin, its longest
            side 1 (before noise).
        normals: Outward unit normals.
        part: Part of each point, an index into `PARTS`.
        label: Category of each shape, an index into `categories`.
        categories: Names.
        factors: Value of each factor of each shape; NaN for shapes whose category lacks it.
    """

    points: Float[np.ndarray, "shapes points 3"]
    normals: Float[np.ndarray, "shapes points 3"]
    part: Int[np.ndarray, "shapes points"]
    label: Int[np.ndarray, " shapes"]
    categories: tuple[str, ...]
    factors: dict[str, Float[np.ndarray, " shapes"]]


def draw_shape(
    index: int, *, seed: int = 0, categories: Sequence[str] = CATEGORIES, turn: float = 0.0
) -> Drawn:
    """Category and factors of one shape of a seed.

    Arguments:
        index: Number of the shape.
        seed: Fixes all shapes.
        categories: Names, taken in turn.
        turn: Largest rotation about the up axis either way, in degrees; 180 is any.

    Raises:
        ValueError: If `index` or `seed` is negative, `turn` is no angle up to 180, or no or an
            unknown category is named.

    Examples:
        >>> drawn = draw_shape(6, seed=3)
        >>> drawn.category, drawn.shape().occupancy(32).shape
        ('car', (32, 32, 32))
    """
    _check(index, seed, categories, turn)
    category = find_category(categories[index % len(categories)])
    generator = _stream(seed, index, 0)
    values = {factor.name: factor.draw(generator) for factor in category.factors}
    reach = math.log(STRETCH)
    for axis, log in zip(AXES, generator.uniform(-reach, reach, 3), strict=True):
        values[axis] = math.exp(log)
    values["turn"] = turn * generator.uniform(-1, 1)
    return Drawn(category.name, values)


def make_shapes(
    count: int,
    *,
    seed: int = 0,
    categories: Sequence[str] = CATEGORIES,
    num_points: int = 1024,
    turn: float = 0.0,
    noise: float = 0.0,
) -> Shapes:
    """Point clouds of shapes.

    Arguments:
        count: Number of shapes.
        seed: Fixes all of them; shape i is the same whatever the count.
        categories: Names, taken in turn.
        num_points: Points of each cloud.
        turn: Largest rotation about the up axis either way, in degrees; 180 is any.
        noise: Standard deviation of what is added to positions, in units of the longest side.

    Raises:
        ValueError: If a number is not positive, or no or an unknown category is named.

    Examples:
        >>> shapes = make_shapes(4, categories=("chair", "table"), num_points=100)
        >>> shapes.points.shape, shapes.label
        ((4, 100, 3), array([0, 1, 0, 1]))
    """
    _check_sizes(count, num_points)
    _check(0, seed, categories, turn)
    if not 0 <= noise < math.inf:
        raise ValueError(f"`noise` must not be negative, got {noise}.")
    points = np.empty((count, num_points, 3), dtype=np.float32)
    normals, part = np.empty_like(points), np.empty((count, num_points), dtype=np.int64)
    drawn = [draw_shape(i, seed=seed, categories=categories, turn=turn) for i in range(count)]
    for i, one in enumerate(drawn):
        surface = one.shape().sample(num_points, _stream(seed, i, 1))
        added = noise * _stream(seed, i, 2).standard_normal((num_points, 3)) if noise else 0.0
        points[i], normals[i], part[i] = surface.points + added, surface.normals, surface.part
    label = np.arange(count) % len(categories)
    return Shapes(points, normals, part, label, tuple(categories), factor_columns(drawn))


def make_voxels(
    count: int,
    *,
    seed: int = 0,
    categories: Sequence[str] = CATEGORIES,
    resolution: int = 32,
    turn: float = 0.0,
) -> Bool[np.ndarray, "shapes x y z"]:
    """Occupancy grids of the same shapes.

    Arguments:
        count: Number of shapes.
        seed: As in :func:`make_shapes`.
        categories: As in :func:`make_shapes`.
        resolution: Cells along each side.
        turn: As in :func:`make_shapes`.

    Raises:
        ValueError: If a number is not positive, or no or an unknown category is named.
    """
    _check_sizes(count, resolution)
    _check(0, seed, categories, turn)
    grids = np.empty((count, *(resolution,) * 3), dtype=bool)
    for i in range(count):
        one = draw_shape(i, seed=seed, categories=categories, turn=turn)
        grids[i] = one.shape().occupancy(resolution)
    return grids


def _stream(seed: int, index: int, purpose: int) -> np.random.Generator:
    """Randomness of one shape for one purpose: factors 0, surface 1, noise 2."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index, purpose)))


def factor_columns(drawn: Sequence[Drawn]) -> dict[str, Float[np.ndarray, " shapes"]]:
    """Value of each factor of each shape; NaN for shapes whose category lacks it."""
    names = dict.fromkeys(name for one in drawn for name in one.factors)
    return {name: np.array([one.factors.get(name, math.nan) for one in drawn]) for name in names}


def _check_sizes(count: int, size: int) -> None:
    if count < 1 or size < 1:
        raise ValueError(
            f"`count` and the size of a sample must be positive, got {count} and {size}."
        )


def _check(index: int, seed: int, categories: Sequence[str], turn: float) -> None:
    if index < 0 or seed < 0:
        raise ValueError(f"`index` and `seed` must not be negative, got {index} and {seed}.")
    if not 0 <= turn <= 180:
        raise ValueError(f"`turn` must be between 0 and 180 degrees, got {turn}.")
    if not categories:
        raise ValueError("`categories` must name at least one, got none.")
    for name in categories:
        find_category(name)
