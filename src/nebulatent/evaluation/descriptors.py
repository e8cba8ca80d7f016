r"""Shapes described by hand, without learning: what a learned description must beat.

.. math:: \text{D2} = \text{histogram of } \lVert p_i - p_j \rVert / m, \qquad
    m = \text{their mean}

Source: Osada, Funkhouser, Chazelle, Dobkin: Shape Distributions, ACM Transactions on Graphics 2002,
sections 3 and 4: the distance of two random points of the surface, scaled by its mean.
"""

import numpy as np
import torch
from jaxtyping import Float

from nebulatent.data.rows import Rows

BINS = 64
PAIRS = 1 << 15
REACH = 3.0  # of the histogram, in mean distances; the last bin holds what lies beyond
TOGETHER = 64  # clouds described at once


def d2_distribution(x: Rows) -> Float[np.ndarray, "clouds bins"]:
    """Shares of 64 ranges of distance, up to three times the mean one, among pairs of points.

    Our reading: 2^15 pairs, the same point numbers in every cloud, drawn with a fixed seed (the
        paper draws 2^20).

    Arguments:
        x: Clouds (clouds, points, coordinates), the first three of which are places; in memory or
            on disk.

    Examples:
        >>> line = np.stack([np.linspace(0, 1, 50)] * 3, axis=1)[None].astype(np.float32)
        >>> d2_distribution(line).shape, round(float(d2_distribution(line).sum()), 6)
        ((1, 64), 1.0)
    """
    number = x.shape[1]
    draw = np.random.default_rng(0)
    one = draw.integers(number, size=PAIRS)
    other = (one + draw.integers(1, max(number, 2), size=PAIRS)) % number  # never the point itself
    rows = [
        _histograms(x[start : start + TOGETHER][..., :3], one, other)
        for start in range(0, len(x), TOGETHER)
    ]
    return np.concatenate(rows)


def _histograms(
    x: Float[np.ndarray, "clouds points 3"], one: np.ndarray, other: np.ndarray
) -> Float[np.ndarray, "clouds bins"]:
    offset = torch.from_numpy(x[:, one] - x[:, other])
    distance = offset.norm(dim=2)
    mean = distance.mean(1, keepdim=True)
    place = (distance / mean.where(mean > 0, 1.0) * (BINS / REACH)).long().clamp_max(BINS - 1)
    counts = torch.zeros(len(x), BINS, dtype=torch.float64)
    counts.scatter_add_(1, place, torch.ones_like(place, dtype=torch.float64))
    return (counts / PAIRS).numpy().astype(np.float32)
