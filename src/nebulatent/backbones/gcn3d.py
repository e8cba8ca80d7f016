r"""3D-GCN: kernels of directions, so that moving or scaling a cloud changes nothing.

.. math:: h = \max_v f_v, \qquad
    f = \text{conv}(\text{pool}(\text{conv}\,\text{conv}(\text{pool}(\text{conv}\,\text{surface}))))

Source: Lin, Huang, Wang: Convolution in the Cloud: Learning Deformable Kernels in 3D Graph
Convolution Networks for Point Cloud Analysis, CVPR 2020, Eq. (4)-(7).
Authors' code: j1a0m0e4sNTU/3dgcn (MIT), with one support (S = 1) in both networks. It keeps a
random quarter of the vertices in each pool, the same for the whole batch, when testing too.
Our reading: while evaluating, the vertices kept are the first that farthest-point sampling finds,
so that a feature is the same each time.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import nn

from nebulatent.backbones.direction_conv import GraphConv, SurfaceConv, directions, others
from nebulatent.backbones.point_layers import TiledLinear, scaled
from nebulatent.backbones.pointnet_parts import beside_category
from nebulatent.backbones.prediction import Prediction
from nebulatent.ops.farthest_points import farthest_points
from nebulatent.ops.nearest_points import nearest_indices
from nebulatent.ops.points import points_at
from nebulatent.typing import Float, Int, Tensor

CLASSES, PARTS = (32, 64, 128, 256, 1024), (128, 128, 256, 256, 512)  # channels of both networks
POOLED = (1, 3)  # graph layers before which there is a pool
POOL_NEIGHBOURS = 4


class Vertices(NamedTuple):
    """Points of one level, with their graph and features.

    Arguments:
        xyz: Positions.
        x: Features.
    """

    xyz: Float[Tensor, "batch points 3"]
    x: Float[Tensor, "batch points channels"]


def kept(xyz: Float[Tensor, "batch points 3"], rate: int, training: bool) -> Int[Tensor, "_ few"]:
    """Which points a pool keeps: one of `rate`, at random for the whole batch while training.

    Raises:
        ValueError: If there are fewer than `rate` points.
    """
    count = xyz.shape[1] // rate
    if count < 1:
        raise ValueError(f"`xyz` must have at least {rate} points to pool, got {xyz.shape[1]}.")
    if training:
        return torch.randperm(xyz.shape[1], device=xyz.device)[:count].expand(len(xyz), -1)
    return farthest_points(xyz, count)


def pool(vertices: Vertices, index: Int[Tensor, "batch few"]) -> Vertices:
    """Some of the points, each with the maximum of the features of its four nearest others."""
    xyz = points_at(vertices.xyz, index)
    near = nearest_indices(xyz, vertices.xyz, POOL_NEIGHBOURS + 1)[..., 1:]
    return Vertices(xyz, points_at(vertices.x, near).amax(2))


class GCN3DEncoder(nn.Module):
    """Clouds → features: two layers, pool, two layers, pool, one layer, maximum.

    Arguments:
        channels: Channels of the five layers.
        num_neighbours: Neighbours of a point, itself excluded; the last level must have more
            points.
        rate: A pool keeps one of as many points.
        supports: Directions of each kernel.
        width: Multiplies all channels; 1 is the paper.

    Raises:
        ValueError: If there are not five layers.
    """

    def __init__(
        self,
        channels: Sequence[int] = CLASSES,
        *,
        num_neighbours: int = 20,
        rate: int = 4,
        supports: int = 1,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if len(channels) != 5:
            raise ValueError(f"`channels` must be of five layers, got {len(channels)}.")
        first, *rest = self.channels = scaled(channels, width)
        self.num_neighbours, self.rate, self.feature_dim = num_neighbours, rate, rest[-1]
        self.surface = SurfaceConv(first, supports)
        self.layers = nn.ModuleList(
            [GraphConv(*size, supports) for size in pairwise(self.channels)]
        )

    def forward(self, x: Float[Tensor, "batch points 3"]) -> Float[Tensor, "batch features"]:
        """Features `(batch, feature_dim)`."""
        return self.describe(x)[-1].x.amax(1)

    def describe(self, x: Float[Tensor, "batch points 3"]) -> list[Vertices]:
        """The points after each of the five layers, ReLU after all but the last."""
        graph = others(x, self.num_neighbours)
        direction = directions(x, graph)
        levels = [Vertices(x, self.surface(direction).relu())]
        for number, layer in enumerate(self.layers):
            here = levels[-1]
            if number in POOLED:
                here = pool(here, kept(here.xyz, self.rate, self.training))
                graph = others(here.xyz, self.num_neighbours)
                direction = directions(here.xyz, graph)
            new = layer(here.x, direction, graph)
            last = number == len(self.layers) - 1
            levels.append(Vertices(here.xyz, new if last else new.relu()))
        return levels


class GCN3DClassifier(nn.Module):
    """Clouds → classes.

    Arguments:
        num_classes: Number of classes.
        encoder: The encoder; the paper's if missing.
        dropout: Share of hidden units set to zero in training.
        width: Multiplies the channels of the head, and of the encoder if it is missing.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        encoder: GCN3DEncoder | None = None,
        dropout: float = 0.3,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        self.encoder = GCN3DEncoder(width=width) if encoder is None else encoder
        self.feature_dim, self.num_classes = self.encoder.feature_dim, num_classes
        (hidden,) = scaled((256,), width)
        self.head = nn.Sequential(
            nn.Linear(self.feature_dim, hidden),
            nn.Dropout(dropout),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, num_classes),
        )

    def forward(self, points: Float[Tensor, "batch points 3"]) -> Prediction:
        """Scores of each cloud."""
        h = self.encoder(points)
        return Prediction(self.head(h), h)

    def features(self, points: Float[Tensor, "batch points 3"]) -> Float[Tensor, "batch features"]:
        """The maximum over the vertices."""
        return self.encoder(points)


class GCN3DSegmenter(nn.Module):
    """Clouds → a class for every point; each point has the features of the nearest vertices.

    Arguments:
        num_classes: Number of classes; 50 in ShapeNetPart.
        num_categories: Number of categories it is told one of; 16 in ShapeNetPart, 0 for none.
        encoder: The encoder; the paper's for parts, with 50 neighbours, if missing.
        width: Multiplies the channels of the head, and of the encoder if it is missing.
    """

    def __init__(
        self,
        num_classes: int,
        num_categories: int = 0,
        *,
        encoder: GCN3DEncoder | None = None,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if encoder is None:
            encoder = GCN3DEncoder(PARTS, num_neighbours=50, width=width)
        self.encoder, self.num_categories = encoder, num_categories
        self.feature_dim, self.num_classes = encoder.feature_dim, num_classes
        (hidden,) = scaled((512,), width)
        self.tile = TiledLinear(encoder.feature_dim + num_categories, sum(encoder.channels), hidden)
        self.head = nn.Sequential(
            nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, num_classes)
        )

    def forward(
        self,
        points: Float[Tensor, "batch points 3"],
        category: Int[Tensor, " batch"] | None = None,
    ) -> Prediction:
        """Scores of each point.

        Raises:
            ValueError: If `category` is missing, or given to a network without categories.
        """
        levels = self.encoder.describe(points)
        h = levels[-1].x.amax(1)
        told = beside_category(h, category, self.num_categories)
        local = [levels[0].x, levels[1].x]
        for level in levels[2:]:
            nearest = nearest_indices(points, level.xyz, 1)[..., 0]
            local.append(points_at(level.x, nearest))
        return Prediction(self.head(self.tile(told, torch.cat(local, 2))), h)

    def features(self, points: Float[Tensor, "batch points 3"]) -> Float[Tensor, "batch features"]:
        """The maximum over the vertices."""
        return self.encoder(points)
