"""The shapes as a data set that needs no file: `builtin:shapes`.

========= ======= ============
split     shapes  per category
========= ======= ============
train     1600    100
test      800     50
all       2400    150
========= ======= ============

Each is turned by any angle about the up axis, as poses of real collections are not canonical, and
its points have a little noise. Training and test shapes come from two seeds.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Shaped

from nebulatent.data.clouds.points import NUM_POINTS, UNIT_SPHERE, to_unit_sphere
from nebulatent.data.shapes.categories import CATEGORIES, PARTS
from nebulatent.data.shapes.factors import known_factors
from nebulatent.data.shapes.make import (
    Drawn,
    Shapes,
    draw_shape,
    factor_columns,
    make_shapes,
)
from nebulatent.data.table import PointLabels, Split, Table, build_table

NAME = "builtin:shapes"
TURN, NOISE = 180.0, 0.01
SIZES = {"train": (0, 100 * len(CATEGORIES)), "test": (1, 50 * len(CATEGORIES))}  # seed, shapes


def load_shapes(split: Split = "train", num_points: int = NUM_POINTS) -> Table:
    """Clouds of the built-in shapes, with categories and parts for evaluation.

    Arguments:
        split: Which part; `"all"` is the training part, then the test part.
        num_points: Points of each cloud.

    Raises:
        ValueError: If `num_points` is not positive.
    """
    parts = _parts(split)
    made = [_make(part, num_points) for part in parts]
    ids = [
        f"{part}/{CATEGORIES[label]}-{i:04d}"
        for part, shapes in zip(parts, made, strict=True)
        for i, label in enumerate(shapes.label)
    ]
    label = np.concatenate([shapes.label for shapes in made])
    return build_table(
        to_unit_sphere(np.concatenate([shapes.points for shapes in made])),
        source=NAME,
        ids=ids,
        labels=np.array(CATEGORIES)[label],
        point_labels=PointLabels(
            np.concatenate([shapes.part for shapes in made]),
            tuple(f"{category}: {part}" for category, part in PARTS),
        ),
        notes=(UNIT_SPHERE,),
    )


def shape_factors(split: Split = "train") -> dict[str, Shaped[np.ndarray, " shapes"]]:
    """Factors of the shapes of `load_shapes`, in its order; those that all categories share.

    Examples:
        >>> {name: values.dtype.kind for name, values in shape_factors("test").items()}
        {'category': 'i', 'stretch_x': 'f', 'stretch_y': 'f', 'stretch_z': 'f', 'turn': 'f'}
    """
    sizes = [SIZES[part] for part in _parts(split)]
    drawn = [draw_shape(i, seed=seed, turn=TURN) for seed, count in sizes for i in range(count)]
    return _factors(drawn)


def factors_of(numbers: Sequence[int]) -> dict[str, Shaped[np.ndarray, " shapes"]]:
    """Factors of the built-in shapes of these numbers, not turned, as in `nebulatent prepare`.

    Examples:
        >>> list(factors_of(range(20)))
        ['category', 'stretch_x', 'stretch_y', 'stretch_z']
    """
    return _factors([draw_shape(number) for number in numbers])


def _factors(drawn: Sequence[Drawn]) -> dict[str, Shaped[np.ndarray, " shapes"]]:
    label = np.array([CATEGORIES.index(one.category) for one in drawn])
    no_points = np.empty((len(drawn), 0, 3), dtype=np.float32)
    parts = np.empty((len(drawn), 0), dtype=np.int64)
    factors = factor_columns(drawn)
    return known_factors(Shapes(no_points, no_points, parts, label, CATEGORIES, factors))


def _parts(split: Split) -> tuple[Literal["train", "test"], ...]:
    return ("train", "test") if split == "all" else (split,)


def _make(part: str, num_points: int) -> Shapes:
    seed, count = SIZES[part]
    return make_shapes(count, seed=seed, num_points=num_points, turn=TURN, noise=NOISE)
