r"""Layers of 3D-GCN: kernels are directions, and see only in which direction neighbours lie.

.. math:: f_v[c] = \sum_s \max_{n \in N(v)} \operatorname{ReLU}(d_n \cdot k_{s,c}) \quad
    \text{(surface)}, \qquad
    f'_v[c] = g_v[0, c] + \sum_s \max_n \operatorname{ReLU}(d_n \cdot k_{s,c})\, g_n[s, c]

with directions :math:`d_n = (x_n - x_v) / \lVert x_n - x_v \rVert`, unit kernel directions
:math:`k_{s,c}` and :math:`g = W f + b`.

Source: Lin, Huang, Wang: Convolution in the Cloud, CVPR 2020, Eq. (4)-(7).
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from nebulatent.ops.nearest_points import nearest_indices
from nebulatent.ops.points import points_at
from nebulatent.typing import Float, Int, Tensor


def directions(
    xyz: Float[Tensor, "batch points 3"], index: Int[Tensor, "batch points k"]
) -> Float[Tensor, "batch points k 3"]:
    """Unit vectors to the neighbours; zero to a neighbour at the same place."""
    return F.normalize(points_at(xyz, index) - xyz.unsqueeze(2), dim=3)


def others(xyz: Float[Tensor, "batch points 3"], k: int) -> Int[Tensor, "batch points k"]:
    """The k nearest other points of each point.

    Raises:
        ValueError: If a cloud has k points or fewer.
    """
    if xyz.shape[1] <= k:
        raise ValueError(
            f"`xyz` must have more than {k} points to have {k} neighbours each, got "
            f"{xyz.shape[1]}; take larger clouds or fewer neighbours."
        )
    return nearest_indices(xyz, xyz, k + 1)[..., 1:]


class DirectionKernels(nn.Module):
    """How far neighbours lie in the directions of the kernels.

    Arguments:
        fan_out: Kernels.
        supports: Directions S of each kernel.
        bound: Largest coordinate at first.
    """

    def __init__(self, fan_out: int, supports: int, bound: float) -> None:
        super().__init__()
        self.fan_out = fan_out
        self.kernel = nn.Parameter(torch.empty(3, supports * fan_out).uniform_(-bound, bound))

    def forward(self, direction: Float[Tensor, "batch points k 3"]) -> Tensor:
        """Cosines, not below zero, `(batch, points, k, supports * fan_out)`."""
        return (direction @ F.normalize(self.kernel, dim=0)).relu()


class SurfaceConv(nn.Module):
    """Features of where the neighbours lie.

    Arguments:
        fan_out: Channels of a point afterwards.
        supports: Directions S of each kernel.
    """

    def __init__(self, fan_out: int, supports: int = 1) -> None:
        super().__init__()
        self.kernels = DirectionKernels(fan_out, supports, 1 / math.sqrt(supports * fan_out))

    def forward(self, direction: Float[Tensor, "batch points k 3"]) -> Tensor:
        """Features `(batch, points, fan_out)`."""
        best = self.kernels(direction).amax(2)
        return best.unflatten(2, (-1, self.kernels.fan_out)).sum(2)


class GraphConv(nn.Module):
    """Features of where the neighbours lie and of what they are.

    Arguments:
        fan_in: Channels of a point.
        fan_out: Channels of a point afterwards.
        supports: Directions S of each kernel.
    """

    def __init__(self, fan_in: int, fan_out: int, supports: int = 1) -> None:
        super().__init__()
        bound = 1 / math.sqrt(fan_out * (supports + 1))
        self.fan_out = fan_out
        self.linear = nn.Linear(fan_in, (supports + 1) * fan_out)
        nn.init.uniform_(self.linear.weight, -bound, bound)
        nn.init.uniform_(self.linear.bias, -bound, bound)
        self.kernels = DirectionKernels(fan_out, supports, bound)

    def forward(
        self,
        x: Float[Tensor, "batch points channels"],
        direction: Float[Tensor, "batch points k 3"],
        index: Int[Tensor, "batch points k"],
    ) -> Tensor:
        """Features `(batch, points, fan_out)`."""
        g = self.linear(x)
        near = points_at(g[..., self.fan_out :], index)
        best = (self.kernels(direction) * near).amax(2)
        return g[..., : self.fan_out] + best.unflatten(2, (-1, self.fan_out)).sum(2)
