"""Convolutional encoder and decoder for images of any size.

Each level halves height and width (rounded up) and the decoder mirrors the sizes exactly, so that
odd sizes come back as they were. The paper fixes no convolutional network for MNIST; this is the
common stack of strided 3×3 convolutions with batch normalisation.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from nebulatent.typing import Float, Tensor


def halved_sizes(height: int, width: int, levels: int) -> list[tuple[int, int]]:
    """Height and width at each level, the image itself first.

    Examples:
        >>> halved_sizes(28, 28, 2)
        [(28, 28), (14, 14), (7, 7)]
    """
    sizes = [(height, width)]
    for _ in range(levels):
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    return sizes


class ConvEncoder(nn.Module):
    """Strided convolutions, then one fully connected layer.

    Arguments:
        shape: Channels, height and width of an image.
        channels: Channels of each level.
        feature_dim: Number of features.
    """

    def __init__(
        self,
        shape: tuple[int, int, int],
        channels: Sequence[int] = (32, 64, 128),
        feature_dim: int = 128,
    ) -> None:
        super().__init__()
        self.feature_dim = feature_dim
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise([shape[0], *channels]):
            layers += [
                nn.Conv2d(fan_in, fan_out, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(fan_out),
                nn.ReLU(),
            ]
        height, width = halved_sizes(shape[1], shape[2], len(channels))[-1]
        flat = channels[-1] * height * width
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, feature_dim), nn.ReLU())

    def forward(self, x: Float[Tensor, "batch channels height width"]) -> Tensor:
        """Features `(batch, feature_dim)`."""
        return self.layers(x)


class ConvDecoder(nn.Module):
    """One fully connected layer, then up-sampling and convolutions back to the image's size.

    Arguments:
        latent_dim: Size of a code.
        shape: Channels, height and width of an image.
        channels: Channels of the encoder's levels, mirrored here.

    Notes:
        Nearest-neighbour up-sampling and a convolution, not a transposed convolution, which leaves
        checkerboards.
    """

    def __init__(
        self, latent_dim: int, shape: tuple[int, int, int], channels: Sequence[int] = (32, 64, 128)
    ) -> None:
        super().__init__()
        sizes = halved_sizes(shape[1], shape[2], len(channels))
        height, width = sizes[-1]
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, channels[-1] * height * width),
            nn.Unflatten(1, (channels[-1], height, width)),
        ]
        back = [*reversed(channels), channels[0]]
        for (fan_in, fan_out), size in zip(pairwise(back), reversed(sizes[:-1]), strict=True):
            layers += [
                nn.BatchNorm2d(fan_in),
                nn.ReLU(),
                nn.Upsample(size=size),
                nn.Conv2d(fan_in, fan_out, 3, padding=1),
            ]
        self.layers = nn.Sequential(*layers, nn.ReLU(), nn.Conv2d(channels[0], shape[0], 1))

    def forward(self, z: Float[Tensor, "codes latent"]) -> Tensor:
        """Likelihood parameters `(batch, channels, height, width)`."""
        return self.layers(z)
