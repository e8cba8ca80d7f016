r"""DGCNN: edge convolutions on graphs of nearest neighbours that are built anew in feature space.

Source: Wang et al., Dynamic Graph CNN for Learning on Point Clouds, ACM Transactions on Graphics
2019.
Authors' code: WangYueFt/dgcnn and, for segmentation, antao97/dgcnn.pytorch (both MIT).

| network | neighbours | feature of the cloud |
|---|---|---|
| `DGCNNEncoder`, `DGCNNClassifier` | 20 | maximum beside mean, 2 × 1024; OcCo and ParAE: maximum, 1024 |
| `DGCNNSegmenter(hidden=PARTS)` | 40 | maximum, 1024 |
| `DGCNNSegmenter(hidden=SCENES)` | 20 | maximum, 1024 |
"""  # noqa: E501

from collections.abc import Sequence

import torch
from torch import nn

from nebulatent.backbones.edge_conv import (
    SLOPE,
    EdgeConv,
    EdgeTransformNet,
    TwoEdgeLayers,
    neighbours,
)
from nebulatent.backbones.point_layers import (
    PooledLayer,
    TiledLayer,
    point_mlp,
    scaled,
)
from nebulatent.backbones.pointnet_parts import beside_category
from nebulatent.backbones.prediction import Prediction
from nebulatent.typing import Float, Int, Tensor

CHANNELS = (64, 64, 128, 256)
PARTS, SCENES = (256, 256, 128), (512, 256)  # hidden layers of the segmentation heads


class DGCNNEncoder(nn.Module):
    """Clouds → features, by four edge convolutions and a layer over all of them.

    Arguments:
        in_channels: Numbers per point.
        num_neighbours: Neighbours of a point, itself included.
        with_mean: Whether the mean over the points is put beside the maximum.
        width: Multiplies all channels; 1 is the paper.
    """

    def __init__(
        self,
        in_channels: int = 3,
        *,
        num_neighbours: int = 20,
        with_mean: bool = False,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        channels, (pooled,) = scaled(CHANNELS, width), scaled((1024,), width)
        self.num_neighbours, self.with_mean = num_neighbours, with_mean
        self.feature_dim = 2 * pooled if with_mean else pooled
        sizes = zip((in_channels, *channels[:-1]), channels, strict=True)
        self.edges = nn.ModuleList([EdgeConv(*size) for size in sizes])
        whole = sum(channels)
        self.pool = (
            point_mlp([whole, pooled], bias=False, slope=SLOPE)
            if with_mean
            else PooledLayer(whole, pooled, bias=False, slope=SLOPE)
        )

    def forward(self, x: Float[Tensor, "batch points channels"]) -> Float[Tensor, "batch features"]:
        """Features `(batch, feature_dim)`."""
        kept = []
        for layer in self.edges:
            x = layer(x, neighbours(x, self.num_neighbours))
            kept.append(x)
        h = self.pool(torch.cat(kept, 2))
        return torch.cat([h.amax(1), h.mean(1)], 1) if self.with_mean else h


class DGCNNClassifier(nn.Module):
    """Clouds → classes.

    Arguments:
        num_classes: Number of classes.
        encoder: The encoder; the paper's, with maximum and mean, if missing.
        dropout: Share of hidden units set to zero in training.
        width: Multiplies the channels of the head, and of the encoder if it is missing.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        encoder: DGCNNEncoder | None = None,
        dropout: float = 0.5,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        self.encoder = DGCNNEncoder(with_mean=True, width=width) if encoder is None else encoder
        self.feature_dim, self.num_classes = self.encoder.feature_dim, num_classes
        wide, narrow = scaled((512, 256), width)
        self.head = nn.Sequential(
            point_mlp([self.feature_dim, wide], bias=False, slope=SLOPE),
            nn.Dropout(dropout),
            point_mlp([wide, narrow], slope=SLOPE),
            nn.Dropout(dropout),
            nn.Linear(narrow, num_classes),
        )

    def forward(self, points: Float[Tensor, "batch points channels"]) -> Prediction:
        """Scores of each cloud."""
        h = self.encoder(points)
        return Prediction(self.head(h), h)

    def features(
        self, points: Float[Tensor, "batch points channels"]
    ) -> Float[Tensor, "batch features"]:
        """The pooled feature."""
        return self.encoder(points)


class DGCNNSegmenter(nn.Module):
    """Clouds → a class for every point.

    Arguments:
        num_classes: Number of classes; 50 parts, or 13 kinds of furniture of a scene.
        num_categories: Number of categories it is told one of; 16 in ShapeNetPart, 0 for none.
        in_channels: Numbers per point; 9 in S3DIS.
        num_neighbours: Neighbours of a point, itself included.
        graph_start: First of the three channels that are positions; 6 in S3DIS, in the room.
        input_transform: Whether a transform net turns the coordinates; then there are three.
        hidden: Hidden layers of the head, `PARTS` or `SCENES`.
        width: Multiplies all channels; 1 is the paper.
    """

    def __init__(
        self,
        num_classes: int,
        num_categories: int = 0,
        *,
        in_channels: int = 3,
        num_neighbours: int = 20,
        graph_start: int = 0,
        input_transform: bool = False,
        hidden: Sequence[int] = PARTS,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        point, pooled = scaled((64, 1024), width)
        self.feature_dim, self.num_classes = pooled, num_classes
        self.num_categories, self.num_neighbours = num_categories, num_neighbours
        self.positions = slice(graph_start, graph_start + 3)
        self.turn = EdgeTransformNet(width) if input_transform else None
        self.edges = nn.ModuleList(
            [
                TwoEdgeLayers(in_channels, point, point),
                TwoEdgeLayers(point, point, point),
                EdgeConv(point, point),
            ]
        )
        self.pool = PooledLayer(3 * point, pooled, bias=False, slope=SLOPE)
        told = point if num_categories else 0
        self.category = (
            point_mlp([num_categories, told], bias=False, slope=SLOPE) if num_categories else None
        )
        first, *rest = scaled(hidden, width)
        self.tile = TiledLayer(pooled + told, 3 * point, first, bias=False, slope=SLOPE)
        self.head = _head([first, *rest], num_classes)

    def forward(
        self,
        points: Float[Tensor, "batch points channels"],
        category: Int[Tensor, " batch"] | None = None,
    ) -> Prediction:
        """Scores of each point.

        Raises:
            ValueError: If `category` is missing, or given to a network without categories.
        """
        local = self._layers(points)
        h = told = self.pool(local)
        both = beside_category(h, category, self.num_categories)
        if self.category is not None:
            told = torch.cat([h, self.category(both[:, self.feature_dim :])], 1)
        return Prediction(self.head(self.tile(told, local)), h)

    def features(
        self, points: Float[Tensor, "batch points channels"]
    ) -> Float[Tensor, "batch features"]:
        """The maximum over the points."""
        return self.pool(self._layers(points))

    def _layers(self, x: Tensor) -> Tensor:
        """The features of all three blocks for each point."""
        index, kept = neighbours(x[..., self.positions], self.num_neighbours), []
        if self.turn is not None:
            x = x @ self.turn(x, index)
            index = neighbours(x, self.num_neighbours)
        for number, layer in enumerate(self.edges):
            x = layer(x, index if number == 0 else neighbours(x, self.num_neighbours))
            kept.append(x)
        return torch.cat(kept, 2)


def _head(channels: Sequence[int], num_classes: int) -> nn.Sequential:
    """The rest of a segmentation head: dropout, layers, scores; parts have no bias at the end."""
    first, second, *rest = channels
    layers: list[nn.Module] = [nn.Dropout(0.5)] if rest else []
    layers += [point_mlp([first, second], bias=False, slope=SLOPE), nn.Dropout(0.5)]
    if rest:
        layers.append(point_mlp([second, *rest], bias=False, slope=SLOPE))
    return nn.Sequential(*layers, nn.Linear(channels[-1], num_classes, bias=False))
