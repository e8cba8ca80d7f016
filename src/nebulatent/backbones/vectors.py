"""Fully connected encoder and decoder, for vectors and for small images taken as vectors.

Source: Wang et al., TPAMI 2022, section 4.2: "three fully-connected layers for each of the encoder
and the decoder", and one hidden layer more before the latent; widths 512, 256, 128 and 64 are those
of the released code. Our reading: ReLU after batch normalisation, where the old code has sigmoids
everywhere, even between layers and on the output.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from nebulatent.typing import Tensor

PAPER_WIDTHS = (512, 256, 128, 64)


def mlp(widths: Sequence[int]) -> nn.Sequential:
    """Linear, batch normalisation and ReLU for each consecutive pair of widths.

    Raises:
        ValueError: If a width is not positive.
    """
    if min(widths) < 1:
        raise ValueError(f"`widths` must be positive, got {tuple(widths)}.")
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(widths):
        # The bias would be removed by the normalisation.
        layers += [nn.Linear(fan_in, fan_out, bias=False), nn.BatchNorm1d(fan_out), nn.ReLU()]
    return nn.Sequential(*layers)


class MLPEncoder(nn.Module):
    """Flattens a sample and maps it through fully connected layers.

    Arguments:
        shape: Shape of one sample.
        widths: Sizes of the layers; the last is the number of features.
    """

    def __init__(self, shape: Sequence[int], widths: Sequence[int] = PAPER_WIDTHS) -> None:
        super().__init__()
        self.feature_dim = widths[-1]
        self.layers = mlp([math.prod(shape), *widths])

    def forward(self, x: Tensor) -> Tensor:
        """Features `(batch, feature_dim)`."""
        return self.layers(x.flatten(1))


class MLPDecoder(nn.Module):
    """Maps codes through the mirrored layers to samples.

    Arguments:
        latent_dim: Size of a code.
        shape: Shape of one sample.
        widths: Sizes of the encoder's layers, mirrored here.
    """

    def __init__(
        self, latent_dim: int, shape: Sequence[int], widths: Sequence[int] = PAPER_WIDTHS
    ) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.layers = mlp([latent_dim, *reversed(widths)])
        self.out = nn.Linear(widths[0], math.prod(shape))

    def forward(self, z: Tensor) -> Tensor:
        """Likelihood parameters `(batch, *shape)`."""
        return self.out(self.layers(z)).unflatten(1, self.shape)
