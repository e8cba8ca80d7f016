r"""Edge convolution of DGCNN, without a tensor of edges.

.. math:: x_i' = \max_{j \in N(i)} \sigma\bigl(\operatorname{BN}(W [x_j - x_i;\, x_i])\bigr),
    \qquad W [x_j - x_i;\, x_i] = \underbrace{W_1 x_j}_{u_j} + \underbrace{(W_2 - W_1) x_i}_{v_i}

Source: Wang et al., Dynamic Graph CNN, ACM Transactions on Graphics 2019, Eq. (7)-(8).
Authors' code: WangYueFt/dgcnn (MIT) computes and stores all edges, k times as many as points.

A matrix product per point replaces one per edge. As normalisation and activation rise or fall
together, the maximum over the edges of a point needs :math:`\max_j \pm u_j` alone; and the
statistics of normalisation, which are over all edges, follow from how often each point is a
neighbour and from the sums of :math:`u_j` over the neighbours.
"""

import torch
import torch.nn.functional as F
from torch import nn

from nebulatent.backbones.point_layers import (
    NormalisedRows,
    PooledLayer,
    move_statistics,
    normalised,
    point_mlp,
    scaled,
)
from nebulatent.ops.distances import at_least_single
from nebulatent.ops.nearest_points import nearest_indices
from nebulatent.typing import Float, Int, Tensor

SLOPE = 0.2  # of negative features, everywhere in DGCNN


def neighbours(x: Float[Tensor, "batch points channels"], k: int) -> Int[Tensor, "batch points k"]:
    """The k nearest points of each point, itself among them."""
    return nearest_indices(x, x, k)


class EdgeConv(nn.Module):
    """One linear layer of each edge, batch normalisation, leaky ReLU, maximum over the neighbours.

    Arguments:
        fan_in: Channels of a point; an edge has twice as many.
        fan_out: Channels of a point afterwards.
    """

    def __init__(self, fan_in: int, fan_out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * fan_in, fan_out, bias=False)
        self.norm = nn.BatchNorm1d(fan_out)

    def forward(
        self, x: Float[Tensor, "batch points channels"], index: Int[Tensor, "batch points k"]
    ) -> Tensor:
        """Features `(batch, points, fan_out)` of points with these neighbours."""
        u, v = (at_least_single(part) for part in edge_parts(self.linear, x))
        rows, bags = u.flatten(0, 1), flat_index(index)
        sign = torch.where(self.norm.weight < 0, -1.0, 1.0).to(rows)
        best = sign * F.embedding_bag(bags, rows * sign, mode="max")
        here = v.flatten(0, 1)
        known = self._statistics(rows, here, bags) if self.training else None
        h = F.leaky_relu(normalised(best + here, self.norm, known), SLOPE)
        return h.view(u.shape)

    def _statistics(self, u: Tensor, v: Tensor, bags: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance of u_j + v_i over all edges; moves the running ones."""
        edges = bags.numel()
        times = torch.bincount(bags.flatten(), minlength=len(u)).to(u).unsqueeze(1) / edges
        mean_u, mean_v = (times * u).sum(0), v.mean(0)
        u, v = u - mean_u, v - mean_v
        around = F.embedding_bag(bags, u, mode="sum") / edges
        variance = (times * u.square()).sum(0) + v.square().mean(0) + 2 * (v * around).sum(0)
        mean, variance = mean_u + mean_v, variance.clamp_min(0)
        move_statistics(self.norm, mean, variance, edges)
        return mean, variance


def edge_parts(
    linear: nn.Linear, x: Float[Tensor, "batch points channels"]
) -> tuple[Tensor, Tensor]:
    """What a layer of edges gets from the neighbour, and from the point itself."""
    near, here = linear.weight.chunk(2, dim=1)
    return F.linear(x, near), F.linear(x, here - near)


def flat_index(index: Int[Tensor, "batch points k"]) -> Int[Tensor, "rows k"]:
    """Numbers of points among all points of the batch."""
    first = torch.arange(len(index), device=index.device) * index.shape[1]
    return (index + first.view(-1, 1, 1)).flatten(0, 1)


class TwoEdgeLayers(nn.Module):
    """Two linear layers of each edge, each normalised; the first is split as in `EdgeConv`.

    Arguments:
        fan_in: Channels of a point.
        hidden: Channels of an edge between the layers.
        fan_out: Channels of a point afterwards.
    """

    def __init__(self, fan_in: int, hidden: int, fan_out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * fan_in, hidden, bias=False)
        self.norm = NormalisedRows(hidden)
        self.pool = PooledLayer(hidden, fan_out, bias=False, slope=SLOPE)

    def forward(
        self, x: Float[Tensor, "batch points channels"], index: Int[Tensor, "batch points k"]
    ) -> Tensor:
        """Features `(batch, points, fan_out)` of points with these neighbours."""
        u, v = edge_parts(self.linear, x)
        bags = flat_index(index)
        edges = u.flatten(0, 1)[bags] + v.flatten(0, 1).unsqueeze(1)
        edges = F.leaky_relu(self.norm(edges), SLOPE)
        return self.pool(edges).unflatten(0, x.shape[:2])


class EdgeTransformNet(nn.Module):
    """DGCNN's transform net: a 3 × 3 matrix for each cloud, the identity at first.

    Arguments:
        width: Multiplies all channels.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        first, second, pooled, wide, narrow = scaled((64, 128, 1024, 512, 256), width)
        self.edges = TwoEdgeLayers(3, first, second)
        self.pool = PooledLayer(second, pooled, bias=False, slope=SLOPE)
        self.cloud = point_mlp([pooled, wide, narrow], bias=False, slope=SLOPE)
        self.out = nn.Linear(narrow, 9)
        nn.init.zeros_(self.out.weight)
        with torch.no_grad():
            self.out.bias.copy_(torch.eye(3).flatten())

    def forward(
        self, x: Float[Tensor, "batch points 3"], index: Int[Tensor, "batch points k"]
    ) -> Float[Tensor, "batch 3 3"]:
        """One matrix for each cloud."""
        return self.out(self.cloud(self.pool(self.edges(x, index)))).unflatten(1, (3, 3))
