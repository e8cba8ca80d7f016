"""Encoder, decoder and critic of 3D-RecGAN, for cubic grids of any power of two.

| encoder at 64³ | | decoder | |
|---|---|---|---|
| conv 64, 4³, pool | 32³ | linear | 4³ × 512 |
| conv 128, 4³, pool | 16³ | transposed 256, 4³, stride 2 | 8³ |
| conv 256, 4³, pool | 8³ | transposed 128 | 16³ |
| conv 512, 4³, pool | 4³ | transposed 64 | 32³ |
| | | transposed 1 | 64³ |

Leaky ReLUs (0.2) in encoder and critic, ReLUs in the decoder, no normalisation. With shortcuts each
level of the decoder also sees the encoder's maps of its size.

Source: Yang et al.: 3D Object Reconstruction from a Single Depth View with Adversarial Networks,
ICCVW 2017, figure 2; the sizes are those of the authors' code, whose even kernels pad one voxel
before and two behind.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from nebulatent.typing import Float, Tensor

CHANNELS = (64, 128, 256, 512)
SLOPE = 0.2


def _check(resolution: int, channels: Sequence[int]) -> int:
    """Side of the smallest level."""
    if not channels or min(channels) < 1:
        raise ValueError(f"`channels` must be positive numbers, got {tuple(channels)}.")
    side, rest = divmod(resolution, 2 ** len(channels))
    if rest or side < 1:
        raise ValueError(
            f"`resolution` must be a multiple of {2 ** len(channels)} for {len(channels)} levels, "
            f"got {resolution}; pad the grids or take fewer levels."
        )
    return side


class VolumeEncoder(nn.Module):
    """Convolutions, each followed by a pooling that halves the grid.

    Arguments:
        resolution: Side of the grid, a multiple of 2 to the number of levels.
        channels: Channels of each level.

    Raises:
        ValueError: If the resolution does not fit the levels.
    """

    def __init__(self, resolution: int = 64, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        self.feature_dim = channels[-1] * _check(resolution, channels) ** 3
        self.levels = nn.ModuleList(
            nn.Sequential(
                nn.ZeroPad3d((1, 2, 1, 2, 1, 2)),
                nn.Conv3d(fan_in, fan_out, 4),
                nn.LeakyReLU(SLOPE),
                nn.MaxPool3d(2),
            )
            for fan_in, fan_out in pairwise([1, *channels])
        )
        self.apply(_initialise)

    def maps(self, x: Float[Tensor, "batch 1 depth height width"]) -> list[Tensor]:
        """The maps of each level, the largest first."""
        found = []
        for level in self.levels:
            x = level(x)
            found.append(x)
        return found

    def forward(self, x: Float[Tensor, "batch 1 depth height width"]) -> Tensor:
        """Features `(batch, feature_dim)`: the smallest maps, flattened."""
        return self.maps(x)[-1].flatten(1)


class VolumeDecoder(nn.Module):
    """A fully connected layer, then transposed convolutions that double the grid.

    Arguments:
        latent_dim: Size of a code.
        resolution: Side of the grid, a multiple of 2 to the number of levels.
        channels: Channels of the encoder's levels, mirrored here.
        skips: Whether each level also takes the encoder's maps.

    Raises:
        ValueError: If the resolution does not fit the levels.
    """

    def __init__(
        self,
        latent_dim: int,
        resolution: int = 64,
        channels: Sequence[int] = CHANNELS,
        *,
        skips: bool = False,
    ) -> None:
        super().__init__()
        side = _check(resolution, channels)
        self.skips = skips
        cells = channels[-1] * side**3
        self.hidden = nn.Sequential(
            nn.Linear(latent_dim, cells), nn.ReLU(), nn.Unflatten(1, (channels[-1], *[side] * 3))
        )
        back = [*reversed(channels), 1]
        self.levels = nn.ModuleList(
            nn.ConvTranspose3d(fan_in * (1 + skips), fan_out, 4, 2, 1)
            for fan_in, fan_out in pairwise(back)
        )
        self.apply(_initialise)

    def forward(self, z: Float[Tensor, "codes latent"], maps: Sequence[Tensor] = ()) -> Tensor:
        """Logits `(batch, 1, resolution, resolution, resolution)`.

        Raises:
            ValueError: If there are no maps although the decoder has shortcuts, or maps although it
                has none.
        """
        if len(maps) != len(self.levels) * self.skips:
            raise ValueError(
                f"`maps` must be those of {len(self.levels) * self.skips} levels, got {len(maps)}."
            )
        h = self.hidden(z)
        last = len(self.levels) - 1
        for number, level in enumerate(self.levels):
            h = level(torch.cat([h, maps[last - number]], 1) if self.skips else h)
            h = h.relu() if number < last else h
        return h


class VolumeCritic(nn.Module):
    """How real a grid looks beside the grid that it was made from: many values in (0, 1).

    Arguments:
        resolution: Side of the grids, a multiple of 2 to the number of levels.
        channels: Channels of each level.

    Raises:
        ValueError: If the resolution does not fit the levels.
    """

    def __init__(self, resolution: int = 64, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        _check(resolution, channels)
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise([2, *channels]):
            layers += [nn.Conv3d(fan_in, fan_out, 4, 2, 1), nn.LeakyReLU(SLOPE)]
        self.layers = nn.Sequential(*layers[:-1], nn.Flatten())
        self.apply(_initialise)

    def forward(
        self,
        x: Float[Tensor, "batch 1 depth height width"],
        y: Float[Tensor, "batch 1 depth height width"],
    ) -> Float[Tensor, "batch values"]:
        """The values of each pair of grids."""
        return self.layers(torch.cat([x, y], 1)).sigmoid()


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv3d | nn.ConvTranspose3d):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
