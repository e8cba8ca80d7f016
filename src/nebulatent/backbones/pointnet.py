r"""PointNet: the same layers at every point, then one maximum over the points.

.. math:: h = \max_i\, \phi(x_i), \qquad
    \text{class} = \rho(h), \quad \text{part of } x_i = \rho'([h;\, \phi'(x_i)])

Source: Qi, Su, Mo, Guibas: PointNet, CVPR 2017, Fig. 2.
Authors' code: charlesq34/pointnet (MIT); the PyTorch ports leave out the ReLU before the maximum,
`relu=False` here.

Networks here are those of Fig. 2, classification and the segmentation with 1088 = 1024 + 64
channels; the larger part segmentation of the appendix and the one of scenes are in
:mod:`nebulatent.backbones.pointnet_parts`.
"""

from typing import NamedTuple

from torch import nn

from nebulatent.backbones.point_layers import (
    PooledLayer,
    TiledLayer,
    class_head,
    point_mlp,
    scaled,
)
from nebulatent.backbones.pointnet_parts import beside_category
from nebulatent.backbones.prediction import Prediction
from nebulatent.backbones.transform_net import Penalty, TransformNet, transform_penalty
from nebulatent.terms import NO_TERMS, Terms
from nebulatent.typing import Float, Int, Tensor

BEFORE, AFTER = (64, 64), (64, 128, 1024)  # layers before and after the transform of features
PENALTY_WEIGHT = 0.001


class CloudFeatures(NamedTuple):
    """What an encoder knows of a batch.

    Arguments:
        h: Feature of each cloud.
        local: Feature of each point.
        terms: The penalty of the feature transform, if there is one.
    """

    h: Float[Tensor, "batch features"]
    local: Float[Tensor, "batch points channels"]
    terms: Terms = NO_TERMS


class PointNetEncoder(nn.Module):
    """Clouds → features.

    Arguments:
        in_channels: Numbers per point, coordinates first.
        input_transform: Whether a transform net turns the coordinates; then there are three.
        feature_transform: Whether another one mixes the features of the first layers.
        relu: Whether features are at least zero, as in the official code.
        penalty: Form of the feature transform's penalty.
        width: Multiplies all channels; 1 is the paper.
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        input_transform: bool = False,
        feature_transform: bool = False,
        relu: bool = True,
        penalty: Penalty = "official",
        width: float = 1.0,
    ) -> None:
        super().__init__()
        before, (*after, pooled) = scaled(BEFORE, width), scaled(AFTER, width)
        self.feature_dim, self.local_dim = pooled, before[-1]
        self.penalty: Penalty = penalty
        self.turn = TransformNet(in_channels, width=width) if input_transform else None
        self.first = point_mlp([in_channels, *before])
        self.mix = TransformNet(before[-1], width=width) if feature_transform else None
        self.second = point_mlp([before[-1], *after])
        self.pool = PooledLayer(after[-1], pooled, slope=0.0 if relu else 1.0)

    def forward(self, x: Float[Tensor, "batch points channels"]) -> Float[Tensor, "batch features"]:
        """Features `(batch, feature_dim)`."""
        return self.describe(x).h

    def describe(self, x: Float[Tensor, "batch points channels"]) -> CloudFeatures:
        """Features of clouds and points, and the penalty of the transform."""
        if self.turn is not None:
            x = x @ self.turn(x)
        local, terms = self.first(x), NO_TERMS
        if self.mix is not None:
            transform = self.mix(local)
            local = local @ transform
            penalty = transform_penalty(transform, self.penalty)
            terms = Terms({"transform": penalty}, {"transform": PENALTY_WEIGHT})
        return CloudFeatures(self.pool(self.second(local)), local, terms)


class PointNetClassifier(nn.Module):
    """Clouds → classes.

    Arguments:
        num_classes: Number of classes.
        encoder: The encoder; the paper's with both transforms if missing.
        dropout: Share of hidden units set to zero in training.
        width: Multiplies the channels of the head, and of the encoder if it is missing.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        encoder: PointNetEncoder | None = None,
        dropout: float = 0.3,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if encoder is None:
            encoder = PointNetEncoder(input_transform=True, feature_transform=True, width=width)
        self.encoder = encoder
        self.feature_dim, self.num_classes = encoder.feature_dim, num_classes
        hidden = scaled((512, 256), width)
        self.head = class_head([self.feature_dim, *hidden], num_classes, dropout)

    def forward(self, points: Float[Tensor, "batch points channels"]) -> Prediction:
        """Scores of each cloud."""
        cloud = self.encoder.describe(points)
        return Prediction(self.head(cloud.h), cloud.h, cloud.terms)

    def features(
        self, points: Float[Tensor, "batch points channels"]
    ) -> Float[Tensor, "batch features"]:
        """The maximum over the points."""
        return self.encoder(points)


class PointNetSegmenter(nn.Module):
    """Clouds → a class for every point, with 1088 channels per point at the paper's width.

    Arguments:
        num_classes: Number of classes.
        num_categories: Number of categories it is told one of; 0 for none.
        encoder: The encoder; the paper's with both transforms if missing.
        width: Multiplies the channels of the head, and of the encoder if it is missing.
    """

    def __init__(
        self,
        num_classes: int,
        num_categories: int = 0,
        *,
        encoder: PointNetEncoder | None = None,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if encoder is None:
            encoder = PointNetEncoder(input_transform=True, feature_transform=True, width=width)
        self.encoder = encoder
        self.feature_dim, self.num_classes = encoder.feature_dim, num_classes
        self.num_categories = num_categories
        first, *rest = scaled((512, 256, 128, 128), width)
        self.tile = TiledLayer(encoder.feature_dim + num_categories, encoder.local_dim, first)
        self.head = nn.Sequential(point_mlp([first, *rest]), nn.Linear(rest[-1], num_classes))

    def forward(
        self,
        points: Float[Tensor, "batch points channels"],
        category: Int[Tensor, " batch"] | None = None,
    ) -> Prediction:
        """Scores of each point.

        Raises:
            ValueError: If `category` is missing, or given to a network without categories.
        """
        cloud = self.encoder.describe(points)
        told = beside_category(cloud.h, category, self.num_categories)
        return Prediction(self.head(self.tile(told, cloud.local)), cloud.h, cloud.terms)

    def features(
        self, points: Float[Tensor, "batch points channels"]
    ) -> Float[Tensor, "batch features"]:
        """The maximum over the points."""
        return self.encoder(points)
