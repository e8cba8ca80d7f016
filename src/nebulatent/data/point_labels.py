"""Labels of points: parts of shapes, things in scenes. Like labels of samples, not for choosing."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

MARKS = (":", " ")  # what follows the category in the name of a part


class PointLabels(NamedTuple):
    """What each point of each cloud belongs to: a part of its shape, a thing in its scene.

    Arguments:
        values: One whole number per point, an index into `names`.
        names: What the numbers mean.
    """

    values: Int[np.ndarray, "samples points"]
    names: tuple[str, ...]


def check_point_labels(labels: PointLabels, shape: tuple[int, ...], source: str) -> None:
    """Refuse labels that do not belong to clouds of this shape.

    Raises:
        ValueError: If there are not as many as points, or one has no name.
    """
    if labels.values.shape != shape[:2]:
        raise ValueError(
            f"labels of points in `{source}` must be one per point "
            f"({'×'.join(map(str, shape[:2]))}), got {'×'.join(map(str, labels.values.shape))}; "
            "check that both belong together."
        )
    low, high = int(labels.values.min()), int(labels.values.max())
    if low < 0 or high >= len(labels.names):
        raise ValueError(
            f"labels of points in `{source}` must lie in 0..{len(labels.names) - 1}, got {low} to "
            f"{high}; the file is damaged or of another data set."
        )


def part_table(
    categories: Sequence[str], parts: Sequence[str]
) -> Bool[np.ndarray, "categories parts"]:
    """Which parts each category has: those whose name begins with its own.

    No label is read, so that a part that no training cloud has counts as well.

    Raises:
        ValueError: If a part belongs to no category or to two, or a category has none.

    Examples:
        >>> part_table(["car", "mug"], ["car: roof", "car: wheel", "mug: handle"]).astype(int)
        array([[1, 1, 0],
               [0, 0, 1]])
    """
    table = np.array(
        [[part.startswith(tuple(name + m for m in MARKS)) for part in parts] for name in categories]
    )
    for kind, names, owned in (
        ("parts", parts, table.sum(0) == 1),
        ("categories", categories, table.any(1)),
    ):
        if not owned.all():
            raise ValueError(
                f"`{kind}` must be named so that each part begins with its category's name "
                f"(“chair: leg”), got {names[int((~owned).argmax())]!r}."
            )
    return table
