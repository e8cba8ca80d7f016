r"""PointNet for parts of objects and for scenes: networks that keep the features of every layer.

Source: Qi et al., CVPR 2017, supplementary sections C (part segmentation) and D (scenes).
Authors' code: charlesq34/pointnet, `part_seg/pointnet_part_seg.py` and `sem_seg/model.py` (MIT).
"""

import torch
import torch.nn.functional as F
from torch import nn

from nebulatent.backbones.point_layers import TiledLayer, point_mlp, scaled
from nebulatent.backbones.prediction import Prediction
from nebulatent.backbones.transform_net import Penalty, TransformNet, transform_penalty
from nebulatent.terms import Terms
from nebulatent.typing import Float, Int, Tensor

PENALTY_WEIGHT = 0.001


def beside_category(
    h: Float[Tensor, "batch features"],
    category: Int[Tensor, " batch"] | None,
    num_categories: int,
) -> Tensor:
    """The feature of each cloud with a one-hot category behind it, for networks that are told.

    Raises:
        ValueError: If the category is missing, or given to a network that knows none.
    """
    if (category is None) != (num_categories == 0):
        raise ValueError(
            f"`category` must be given exactly if the network has categories ({num_categories}), "
            f"got {'none' if category is None else 'one'}."
        )
    if category is None:
        return h
    return torch.cat([h, F.one_hot(category, num_categories).to(h)], 1)


class PointNetPartSegmenter(nn.Module):
    """The official part segmentation: 4944 = 2064 + 2880 channels per point at the paper's width.

    Arguments:
        num_classes: Number of parts of all categories; 50 in ShapeNetPart.
        num_categories: Number of categories it is told one of; 16 in ShapeNetPart, 0 for none.
        in_channels: Numbers per point; three with coordinates alone.
        dropout: Share of hidden units set to zero in training.
        penalty: Form of the feature transform's penalty.
        width: Multiplies all channels; 1 is the paper.
    """

    def __init__(
        self,
        num_classes: int,
        num_categories: int = 16,
        *,
        in_channels: int = 3,
        dropout: float = 0.2,
        penalty: Penalty = "official",
        width: float = 1.0,
    ) -> None:
        super().__init__()
        first, second, third, fourth, last = scaled((64, 128, 128, 512, 2048), width)
        self.feature_dim, self.num_classes = last, num_classes
        self.num_categories = num_categories
        self.penalty: Penalty = penalty
        self.turn = TransformNet(in_channels, hidden=(128, 128), width=width)
        self.mix = TransformNet(third, channels=(256, 1024), width=width)
        self.before = nn.ModuleList(
            [point_mlp(pair) for pair in ((in_channels, first), (first, second), (second, third))]
        )
        self.after = nn.ModuleList([point_mlp([third, fourth]), point_mlp([fourth, last])])
        wide, narrow = scaled((256, 128), width)
        local = first + second + third + fourth + last
        self.head = nn.ModuleList(
            [TiledLayer(last + num_categories, local, wide), point_mlp([wide, wide])]
        )
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Sequential(point_mlp([wide, narrow]), nn.Linear(narrow, num_classes))

    def forward(
        self,
        points: Float[Tensor, "batch points channels"],
        category: Int[Tensor, " batch"] | None = None,
    ) -> Prediction:
        """Scores of all parts for each point, whatever its category.

        Raises:
            ValueError: If `category` is missing, or given to a network without categories.
        """
        kept, transform = self._layers(points)
        h = kept[-1].amax(1)
        tiled, second = self.head
        told = beside_category(h, category, self.num_categories)
        x = self.dropout(tiled(told, torch.cat(kept, 2)))
        logits = self.out(self.dropout(second(x)))
        penalty = transform_penalty(transform, self.penalty)
        return Prediction(logits, h, Terms({"transform": penalty}, {"transform": PENALTY_WEIGHT}))

    def features(
        self, points: Float[Tensor, "batch points channels"]
    ) -> Float[Tensor, "batch features"]:
        """The maximum over the points."""
        return self._layers(points)[0][-1].amax(1)

    def _layers(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Output of each of the five layers, and the transform between the third and fourth."""
        x, kept = x @ self.turn(x), []
        for layer in self.before:
            x = layer(x)
            kept.append(x)
        transform = self.mix(x)
        x = x @ transform
        for layer in self.after:
            x = layer(x)
            kept.append(x)
        return kept, transform


class PointNetSceneSegmenter(nn.Module):
    """The scene segmentation: 1152 = 1024 + 128 channels per point, no transforms.

    Arguments:
        num_classes: Number of classes; 13 in S3DIS.
        in_channels: Numbers per point; in S3DIS nine: position in the block, colour, position in
            the room.
        dropout: Share of hidden units set to zero in training.
        width: Multiplies all channels; 1 is the paper.
    """

    def __init__(
        self,
        num_classes: int = 13,
        *,
        in_channels: int = 9,
        dropout: float = 0.3,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        channels = scaled((64, 64, 64, 128, 1024), width)
        self.feature_dim, self.num_classes = channels[-1], num_classes
        self.points = point_mlp([in_channels, *channels])
        whole, (wide, narrow) = scaled((256, 128), width), scaled((512, 256), width)
        self.cloud = point_mlp([channels[-1], *whole])
        self.tile = TiledLayer(whole[-1], channels[-1], wide)
        self.head = nn.Sequential(
            point_mlp([wide, narrow]), nn.Dropout(dropout), nn.Linear(narrow, num_classes)
        )

    def forward(self, points: Float[Tensor, "batch points channels"]) -> Prediction:
        """Scores of each point."""
        local = self.points(points)
        h = local.amax(1)
        return Prediction(self.head(self.tile(self.cloud(h), local)), h)

    def features(
        self, points: Float[Tensor, "batch points channels"]
    ) -> Float[Tensor, "batch features"]:
        """The maximum over the points."""
        return self.points(points).amax(1)
