r"""Encoder and decoder for occupancy grids: four convolutions each way and one hidden layer.

| encoder at 32³ | | decoder | |
|---|---|---|---|
| conv 8, 3³ | 30³ | linear 343 | 7³ |
| conv 16, 3³, stride 2, "same" | 15³ | transposed 64, 3³ | 7³ |
| conv 32, 3³ | 13³ | transposed 32, 3³, stride 2 | 15³ |
| conv 64, 3³, stride 2, "same" | 7³ | transposed 16, 3³ | 15³ |
| linear 343 | | transposed 8, 4³, stride 2 | 32³ |
| | | transposed 1, 3³ | 32³ |

Every layer is followed by an ELU and then batch normalisation, in that order.

Source: Wu, Pfrommer, Zhou, Beyerer: Generative-Contrastive Learning for Self-Supervised Latent
Representations of 3D Shapes from Multi-Modal Euclidean Input, 2023, section 4.1.
Authors' code: pads only behind where a stride divides an even size, as TensorFlow does, which the
    sizes above need; normalises over the *width index* in place of the channels, since Keras was
    not told which axis those are; its 343 features are the 7³ cells that the decoder begins with.
Our reading: `normalize="channels"` is meant; `"width"` is as released. The decoder's hidden layer
    has 343 numbers or more at any resolution, as the encoder's does, in as many maps as that takes:
    at 16³ one map would be 3³ cells, and 27 numbers all that a decoder sees of a code.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import nn

from nebulatent.typing import Float, Tensor

Normalize = Literal["channels", "width"]
CHANNELS = (8, 16, 32, 64)
HIDDEN = 343  # numbers in the hidden layers, at 32³ those of 7³ cells
EPS, MOMENTUM = 1e-3, 0.01  # Keras' defaults; its momentum 0.99 is ours of 0.01


def voxel_sizes(resolution: int) -> tuple[int, ...]:
    """Side of the grid, then after each of the four convolutions.

    Raises:
        ValueError: If the decoder's strides would not come back to `resolution`.

    Examples:
        >>> voxel_sizes(32)
        (32, 30, 15, 13, 7)
        >>> voxel_sizes(16)
        (16, 14, 7, 5, 3)
    """
    second = (resolution - 1) // 2
    sizes = (resolution, resolution - 2, second, second - 2, (second - 1) // 2)
    if resolution < 12 or 2 * sizes[4] + 1 != second or 2 * second + 2 != resolution:
        raise ValueError(
            f"`resolution` must be a multiple of 4 and at least 12, got {resolution}; pad or "
            "resample the grids."
        )
    return sizes


def hidden_maps(resolution: int) -> int:
    """Maps that the decoder's hidden layer is split into, so that it has `HIDDEN` numbers or more.

    Raises:
        ValueError: If the decoder's strides would not come back to `resolution`.

    Examples:
        >>> [hidden_maps(resolution) for resolution in (12, 16, 32, 64)]
        [43, 13, 1, 1]
    """
    return -(-HIDDEN // voxel_sizes(resolution)[4] ** 3)


class VoxelEncoder(nn.Module):
    """Four convolutions and a hidden layer over a cubic occupancy grid.

    Arguments:
        resolution: Side of the grid: a multiple of 4, at least 12.
        channels: Channels of the four convolutions.
        feature_dim: Number of features.
        normalize: Axis of the batch normalisation after convolutions.

    Raises:
        ValueError: If the resolution does not fit the strides, or there are not four channels.
    """

    def __init__(
        self,
        resolution: int = 32,
        channels: Sequence[int] = CHANNELS,
        feature_dim: int = HIDDEN,
        *,
        normalize: Normalize = "channels",
    ) -> None:
        super().__init__()
        sizes = _check(resolution, channels)
        self.feature_dim = feature_dim
        layers: list[nn.Module] = []
        for number, (fan_in, fan_out) in enumerate(pairwise([1, *channels])):
            if number % 2:
                before = sizes[number] % 2  # "same": behind only where the stride divides
                layers.append(nn.ZeroPad3d((before, 1, before, 1, before, 1)))
            layers.append(nn.Conv3d(fan_in, fan_out, 3, stride=1 + number % 2))
            layers += [nn.ELU(), _norm(normalize, fan_out, sizes[number + 1])]
        hidden = nn.Linear(channels[3] * sizes[4] ** 3, feature_dim)
        norm = nn.BatchNorm1d(feature_dim, EPS, MOMENTUM)
        self.layers = nn.Sequential(*layers, nn.Flatten(), hidden, nn.ELU(), norm)
        self.apply(_initialise)

    def forward(self, x: Float[Tensor, "batch 1 depth height width"]) -> Tensor:
        """Features `(batch, feature_dim)`."""
        first, *others = self.layers
        return _channels_last(first(x), others)


class VoxelDecoder(nn.Module):
    """The encoder's mirror: logits of an occupancy grid for each code.

    Arguments:
        latent_dim: Size of a code.
        resolution: Side of the grid: a multiple of 4, at least 12.
        channels: Channels of the encoder's convolutions, mirrored here.
        normalize: Axis of the batch normalisation after convolutions.

    Raises:
        ValueError: If the resolution does not fit the strides, or there are not four channels.

    Notes:
        As in the authors' code the logits themselves are normalised over the batch; of its penalty
        on that layer's weights only a weight decay of the optimiser is left.
    """

    def __init__(
        self,
        latent_dim: int,
        resolution: int = 32,
        channels: Sequence[int] = CHANNELS,
        *,
        normalize: Normalize = "channels",
    ) -> None:
        super().__init__()
        sizes = _check(resolution, channels)
        maps = hidden_maps(resolution)
        hidden = maps * sizes[4] ** 3
        layers: list[nn.Module] = [nn.Linear(latent_dim, hidden), nn.ELU()]
        layers += [nn.BatchNorm1d(hidden, EPS, MOMENTUM), nn.Unflatten(1, (maps, *[sizes[4]] * 3))]
        widths = [maps, *reversed(channels), 1]
        # Kernel, stride, padding and side of each layer.
        shapes = [(3, 1, 1), (3, 2, 0), (3, 1, 1), (4, 2, 0), (3, 1, 1)]
        sides = [sizes[4], sizes[2], sizes[2], sizes[0], sizes[0]]
        for (fan_in, fan_out), shape, side in zip(pairwise(widths), shapes, sides, strict=True):
            layers.append(nn.ConvTranspose3d(fan_in, fan_out, *shape))
            layers += [nn.ELU(), _norm(normalize, fan_out, side)]
        del layers[-2]  # logits have no activation
        self.layers = nn.Sequential(*layers)
        self.apply(_initialise)

    def forward(self, z: Float[Tensor, "codes latent"]) -> Tensor:
        """Logits `(batch, 1, resolution, resolution, resolution)`."""
        linear, elu, norm, unflatten, *others = self.layers
        return _channels_last(unflatten(norm(elu(linear(z)))), others)


class WidthNorm(nn.Module):
    """Batch normalisation over the last axis of a volume in place of its channels.

    Arguments:
        width: Size of that axis.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm3d(width, EPS, MOMENTUM)

    def forward(self, x: Float[Tensor, "batch channels depth height width"]) -> Tensor:
        """The volume, normalised."""
        return self.norm(x.transpose(1, 4)).transpose(1, 4)


def _norm(normalize: Normalize, channels: int, width: int) -> nn.Module:
    return WidthNorm(width) if normalize == "width" else nn.BatchNorm3d(channels, EPS, MOMENTUM)


def _channels_last(h: Tensor, layers: Sequence[nn.Module]) -> Tensor:
    """The layers of a volume whose channels lie side by side in memory.

    A pass there and back on a CPU then takes 0.9 of the time in the encoder, 0.6 in the decoder at
    16³ and as long at 32³ (`benchmarks/voxels.py`); the result is the same up to rounding.
    """
    if not torch.compiler.is_exporting():  # ONNX knows no such volumes
        h = h.contiguous(memory_format=torch.channels_last_3d)
    for layer in layers:
        h = layer(h)
    return h


def _check(resolution: int, channels: Sequence[int]) -> tuple[int, ...]:
    if len(channels) != 4 or min(channels) < 1:
        raise ValueError(f"`channels` must be four positive numbers, got {tuple(channels)}.")
    return voxel_sizes(resolution)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv3d | nn.ConvTranspose3d):
        nn.init.xavier_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
