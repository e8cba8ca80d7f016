"""Labels of points: parts of shapes, things in scenes. Like labels of samples, not for choosing."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int


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
