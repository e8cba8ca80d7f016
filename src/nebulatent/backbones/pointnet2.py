r"""PointNet++: PointNets around a few centres, around fewer, and over what is left.

Source: Qi, Yi, Su, Guibas: PointNet++: Deep Hierarchical Feature Learning on Point Sets in a Metric
Space, NIPS 2017, appendix B.
Authors' code: charlesq34/pointnet2; sizes are those of yanx27/Pointnet_Pointnet2_pytorch (MIT).

| options | sizes |
|---|---|
| `SSG` | one neighbourhood per centre, in classification and in part segmentation |
| `MSG`, `MSG_PARTS` | several around the same centres, in classification and in part segmentation |

The feature of the cloud has 1024 numbers in all of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from nebulatent.backbones.point_layers import class_head, point_mlp, scaled
from nebulatent.backbones.pointnet_parts import beside_category
from nebulatent.backbones.prediction import Prediction
from nebulatent.backbones.set_abstraction import (
    Ball,
    FeaturePropagation,
    Places,
    SetAbstraction,
    WholeCloud,
)
from nebulatent.typing import Float, Int, Tensor


class Level(NamedTuple):
    """One set abstraction.

    Arguments:
        num_centres: Number of centres.
        balls: Neighbourhoods of each centre.
    """

    num_centres: int
    balls: tuple[Ball, ...]


SSG = (
    Level(512, (Ball(0.2, 32, (64, 64, 128)),)),
    Level(128, (Ball(0.4, 64, (128, 128, 256)),)),
)
MSG = (
    Level(
        512,
        (
            Ball(0.1, 16, (32, 32, 64)),
            Ball(0.2, 32, (64, 64, 128)),
            Ball(0.4, 128, (64, 96, 128)),
        ),
    ),
    Level(
        128,
        (
            Ball(0.2, 32, (64, 64, 128)),
            Ball(0.4, 64, (128, 128, 256)),
            Ball(0.8, 128, (128, 128, 256)),
        ),
    ),
)
MSG_PARTS = (
    Level(
        512,
        (
            Ball(0.1, 32, (32, 32, 64)),
            Ball(0.2, 64, (64, 64, 128)),
            Ball(0.4, 128, (64, 96, 128)),
        ),
    ),
    Level(128, (Ball(0.4, 64, (128, 128, 256)), Ball(0.8, 128, (128, 196, 256)))),
)
WHOLE = (256, 512, 1024)


def reduced(levels: Sequence[Level], width: float, points: float) -> tuple[Level, ...]:
    """The same levels with fewer channels, centres and neighbours.

    Arguments:
        levels: What to reduce.
        width: Multiplies channels.
        points: Multiplies numbers of centres and of neighbours.
    """
    return tuple(
        Level(
            scaled((level.num_centres,), points)[0],
            tuple(
                Ball(
                    ball.radius, scaled((ball.num_points,), points)[0], scaled(ball.channels, width)
                )
                for ball in level.balls
            ),
        )
        for level in levels
    )


class PointNet2Encoder(nn.Module):
    """Clouds → features.

    Arguments:
        in_channels: Numbers per point besides its coordinates, normals say.
        levels: Set abstractions; clouds have at least as many points as the first has centres.
        whole: Layers over what is left.
    """

    def __init__(
        self,
        in_channels: int = 0,
        *,
        levels: Sequence[Level] = SSG,
        whole: Sequence[int] = WHOLE,
    ) -> None:
        super().__init__()
        modules, channels = [], [in_channels]
        for level in levels:
            modules.append(SetAbstraction(level.num_centres, channels[-1], level.balls))
            channels.append(modules[-1].fan_out)
        self.levels = nn.ModuleList(modules)
        self.channels = tuple(channels)
        self.whole = WholeCloud(channels[-1], whole)
        self.feature_dim = whole[-1]

    def forward(self, x: Float[Tensor, "batch points channels"]) -> Float[Tensor, "batch features"]:
        """Features `(batch, feature_dim)`; the first three channels are coordinates."""
        return self.describe(Places(x[..., :3], x[..., 3:]))[0]

    def describe(self, places: Places) -> tuple[Tensor, list[Places]]:
        """The feature of each cloud, and the places of each level, the points first."""
        kept = [places]
        for level in self.levels:
            kept.append(level(kept[-1]))
        return self.whole(kept[-1]), kept


class PointNet2Classifier(nn.Module):
    """Clouds → classes.

    Arguments:
        num_classes: Number of classes.
        encoder: The encoder; the paper's single-scale one if missing.
        dropout: Share of hidden units set to zero in training.
        width: Multiplies the channels of the head.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        encoder: PointNet2Encoder | None = None,
        dropout: float = 0.4,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        self.encoder = PointNet2Encoder() if encoder is None else encoder
        self.feature_dim, self.num_classes = self.encoder.feature_dim, num_classes
        hidden = scaled((512, 256), width)
        self.head = class_head([self.feature_dim, *hidden], num_classes, dropout)

    def forward(self, points: Float[Tensor, "batch points channels"]) -> Prediction:
        """Scores of each cloud."""
        h = self.encoder(points)
        return Prediction(self.head(h), h)

    def features(
        self, points: Float[Tensor, "batch points channels"]
    ) -> Float[Tensor, "batch features"]:
        """The feature of the whole cloud."""
        return self.encoder(points)


class PointNet2Segmenter(nn.Module):
    """Clouds → a class for every point.

    As in the port, the coordinates of a point are features of it too.

    Arguments:
        num_classes: Number of classes of all categories; 50 in ShapeNetPart.
        num_categories: Number of categories it is told one of; 16 in ShapeNetPart, 0 for none.
        in_channels: Numbers per point, coordinates first; 6 with normals.
        levels: Set abstractions, `SSG` or `MSG_PARTS`; two.
        whole: Layers over what is left.
        width: Multiplies the channels of the way back to the points.

    Raises:
        ValueError: If there are not two levels.
    """

    def __init__(
        self,
        num_classes: int,
        num_categories: int = 0,
        *,
        in_channels: int = 3,
        levels: Sequence[Level] = SSG,
        whole: Sequence[int] = WHOLE,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if len(levels) != 2:
            raise ValueError(f"`levels` must be two, got {len(levels)}.")
        self.encoder = PointNet2Encoder(in_channels, levels=levels, whole=whole)
        self.feature_dim, self.num_classes = self.encoder.feature_dim, num_classes
        self.num_categories = num_categories
        wide, narrow = scaled((256, 128), width)
        first, second = self.encoder.channels[1:]
        last = (narrow,) * (3 if len(levels[0].balls) == 1 else 2)
        self.from_cloud = FeaturePropagation(self.feature_dim + second, (wide, wide))
        self.from_few = FeaturePropagation(wide + first, (wide, narrow))
        told = 3 + in_channels + num_categories
        self.from_many = FeaturePropagation(narrow + told, last)
        self.head = nn.Sequential(
            point_mlp([narrow, narrow]), nn.Dropout(0.5), nn.Linear(narrow, num_classes)
        )

    def forward(
        self,
        points: Float[Tensor, "batch points channels"],
        category: Int[Tensor, " batch"] | None = None,
    ) -> Prediction:
        """Scores of each point.

        Raises:
            ValueError: If `category` is missing, or given to a network without categories.
        """
        own = Places(points[..., :3], points)
        h, (_, many, few) = self.encoder.describe(own)
        whole = Places(few.xyz[:, :1], h.unsqueeze(1))
        few = self.from_cloud(few, whole)
        many = self.from_few(many, few)
        told = beside_category(h, category, self.num_categories)[:, self.feature_dim :]
        told = told.unsqueeze(1).expand(-1, points.shape[1], -1)
        own = Places(own.xyz, torch.cat([told, own.xyz, points], 2))
        return Prediction(self.head(self.from_many(own, many).features), h)

    def features(
        self, points: Float[Tensor, "batch points channels"]
    ) -> Float[Tensor, "batch features"]:
        """The feature of the whole cloud."""
        return self.encoder.describe(Places(points[..., :3], points))[0]
