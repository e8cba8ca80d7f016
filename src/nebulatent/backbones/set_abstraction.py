r"""Set abstraction and feature propagation of PointNet++: a PointNet around each of a few centres.

.. math:: f'_c = \max_{j \in B_r(c)} \operatorname{MLP}[x_j - c;\, f_j], \qquad
    f_i = \frac{\sum_{c \in N_3(i)} f_c / d_{ic}^2}{\sum_{c \in N_3(i)} 1 / d_{ic}^2}

Source: Qi, Yi, Su, Guibas: PointNet++, NIPS 2017, section 3.2 and Eq. (2).
Authors' code: the port yanx27/Pointnet_Pointnet2_pytorch (MIT), whose layer sizes these are.

The first layer is split, :math:`W [x_j - c; f_j] = W [x_j; f_j] - W_x c`, so that it is computed
once per point and not once per neighbourhood that the point is in.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from nebulatent.backbones.point_layers import NormalisedRows, PooledLayer, point_mlp
from nebulatent.ops.ball_points import ball_points
from nebulatent.ops.farthest_points import farthest_points
from nebulatent.ops.nearest_points import nearest_points
from nebulatent.ops.points import points_at
from nebulatent.typing import Float, Tensor

CLOSEST = 1e-8  # added to a squared distance before it is inverted


class Places(NamedTuple):
    """Points with features.

    Arguments:
        xyz: Positions.
        features: One row per point.
    """

    xyz: Float[Tensor, "batch points 3"]
    features: Float[Tensor, "batch points channels"]


class Ball(NamedTuple):
    """Neighbourhoods of one scale.

    Arguments:
        radius: In units of the points; the published radii are for the unit sphere.
        num_points: Points of a neighbourhood.
        channels: Layers at each of them; the last is pooled.
    """

    radius: float
    num_points: int
    channels: tuple[int, ...]


class BallLayer(nn.Module):
    """A small PointNet in the ball around each centre.

    Arguments:
        fan_in: Channels of a point besides its position.
        ball: The neighbourhoods and their layers, at least two.
    """

    def __init__(self, fan_in: int, ball: Ball) -> None:
        super().__init__()
        first, *between, pooled = ball.channels
        self.ball, self.fan_out = ball, pooled
        self.first = nn.Linear(3 + fan_in, first)
        self.norm = NormalisedRows(first)
        self.rest = point_mlp([first, *between])
        self.pool = PooledLayer((first, *between)[-1], pooled)

    def forward(self, places: Places, centres: Float[Tensor, "batch centres 3"]) -> Tensor:
        """Features `(batch, centres, fan_out)`."""
        index = ball_points(centres, places.xyz, self.ball.radius, self.ball.num_points)
        each = self.first(torch.cat(places, 2))
        shift = F.linear(centres, self.first.weight[:, :3]).unsqueeze(2)
        x = self.rest(self.norm(points_at(each, index) - shift).relu())
        return self.pool(x.flatten(0, 1)).unflatten(0, index.shape[:2])


class SetAbstraction(nn.Module):
    """A few centres that cover the cloud, each with the features of its neighbourhoods.

    Centres are found by farthest-point sampling from the first point, so that they are the same in
    training and after.

    Arguments:
        num_centres: Number of centres.
        fan_in: Channels of a point besides its position.
        balls: One neighbourhood (SSG), or several around the same centres (MSG).
    """

    def __init__(self, num_centres: int, fan_in: int, balls: Sequence[Ball]) -> None:
        super().__init__()
        self.num_centres = num_centres
        self.layers = nn.ModuleList([BallLayer(fan_in, ball) for ball in balls])
        self.fan_out = sum(ball.channels[-1] for ball in balls)

    def forward(self, places: Places) -> Places:
        """The centres."""
        centres = points_at(places.xyz, farthest_points(places.xyz, self.num_centres))
        return Places(centres, torch.cat([layer(places, centres) for layer in self.layers], 2))


class WholeCloud(nn.Module):
    """A PointNet of all places: the feature of the cloud.

    Arguments:
        fan_in: Channels of a point besides its position.
        channels: Layers at each point; the last is pooled.
    """

    def __init__(self, fan_in: int, channels: Sequence[int]) -> None:
        super().__init__()
        *local, pooled = channels
        self.points = point_mlp([3 + fan_in, *local])
        self.pool = PooledLayer(local[-1], pooled)

    def forward(self, places: Places) -> Float[Tensor, "batch features"]:
        """One row for each cloud."""
        return self.pool(self.points(torch.cat(places, 2)))


class FeaturePropagation(nn.Module):
    """Features of a few centres handed to many points, beside the points' own; then layers.

    Arguments:
        fan_in: Channels of the centres and the points together.
        channels: Layers at each point.
    """

    def __init__(self, fan_in: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.layers = point_mlp([fan_in, *channels])

    def forward(self, many: Places, few: Places) -> Places:
        """The many points with new features."""
        x = torch.cat([many.features, interpolated(many.xyz, few)], 2)
        return Places(many.xyz, self.layers(x))


def interpolated(
    xyz: Float[Tensor, "batch points 3"], few: Places
) -> Float[Tensor, "batch points channels"]:
    """Features of the three nearest centres, weighted by inverse squared distance.

    Source: Qi et al., NIPS 2017, Eq. (2) with k = 3, p = 2.
    """
    count = few.xyz.shape[1]
    near = nearest_points(xyz, few.xyz, min(3, count))
    weight = 1 / (near.squared_distance + CLOSEST)
    weight = (weight / weight.sum(2, keepdim=True)).unsqueeze(3)
    return (points_at(few.features, near.indices) * weight).sum(2)
