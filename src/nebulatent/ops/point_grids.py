r"""Subsampling by a grid: one point for each cell that holds any.

.. math:: c(p) = \lfloor (p - p_{\min}) / s \rfloor, \qquad
    \bar p_c = \operatorname{mean} \{ p : c(p) = c \}
"""

from typing import NamedTuple

import torch

from nebulatent.ops.points import checked_clouds
from nebulatent.typing import Float, Int, Tensor

MOST_CELLS = 2**62  # of a whole grid, so that a cell is named by one integer


class Cells(NamedTuple):
    """The occupied cells, in the order of their places in the grid."""

    points: Float[Tensor, "cells dim"]
    """Mean of the points of each cell."""
    cell: Int[Tensor, " points"]
    """Cell of each point."""
    sizes: Int[Tensor, " cells"]
    """Points in each cell."""


def grid_subsample(points: Float[Tensor, "points dim"], size: float) -> Cells:
    """Means of the points in each cell of a grid; what belongs to points is averaged by `cell`.

    Source: Thomas et al., KPConv, ICCV 2019, Sec. 3.3.
    Our reading: the grid starts at the lowest coordinates of the cloud, so that moving a cloud
    moves its cells; the authors' code starts it at a multiple of the cell.
    Notes: Means are differentiable by the points.

    Arguments:
        points: One cloud; clouds of a batch would have different numbers of cells.
        size: Side of a cell, in units of the points.

    Raises:
        ValueError: If `size` is not positive or so small that cells cannot be counted, or a
            coordinate is not finite.

    Examples:
        >>> cells = grid_subsample(torch.tensor([[0.0], [0.4], [3.0]]), 1.0)
        >>> cells.points.tolist(), cells.cell.tolist(), cells.sizes.tolist()
        ([[0.20000000298023224], [3.0]], [0, 0, 1], [2, 1])
    """
    points = checked_clouds(points.unsqueeze(0), "points").squeeze(0)
    if not 0 < size < float("inf"):
        raise ValueError(f"`size` must be positive, got {size}.")
    place = ((points.detach() - points.detach().amin(0)).double() / size).floor()
    sides = place.amax(0) + 1
    if not sides.prod() < MOST_CELLS:
        raise ValueError(f"`size` must leave fewer than 2**62 cells, got {size}; enlarge it.")
    sides = sides.long()
    strides = torch.cat([sides[1:].flip(0).cumprod(0).flip(0), sides.new_ones(1)])
    _, cell, count = torch.unique(
        (place.long() * strides).sum(1), return_inverse=True, return_counts=True
    )
    total = points.new_zeros(len(count), points.shape[1]).index_add(0, cell, points)
    return Cells(total / count.unsqueeze(1), cell, count)
