r"""Codes → clouds: fully connected, by folding a sheet of paper, and coarse to fine.

| decoder | source |
|---|---|
| `PointMLPDecoder` | Achlioptas et al., ICML 2018: three layers, the last gives all coordinates |
| `FoldingDecoder` | Yang et al., CVPR 2018 (FoldingNet), Fig. 1: two folds of a square grid |
| `PCNDecoder` | Yuan et al., 3DV 2018 (PCN), Fig. 2, at the sizes of OcCo |

The layers that see the code see it at every point; their weights are split, so that the code's half
is computed once per cloud (`TiledLinear`).
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from nebulatent.backbones.point_layers import NormalisedRows, TiledLinear, point_mlp, scaled
from nebulatent.typing import Float, Tensor


def square_grid(side: int, reach: float) -> Float[Tensor, "points 2"]:
    """The points of a square grid from -reach to reach, row by row.

    Examples:
        >>> square_grid(2, 0.5).tolist()
        [[-0.5, -0.5], [-0.5, 0.5], [0.5, -0.5], [0.5, 0.5]]
    """
    place = torch.linspace(-reach, reach, side)
    return torch.cartesian_prod(place, place)


class PointMLPDecoder(nn.Module):
    """Three fully connected layers; the last gives the coordinates of all points.

    Arguments:
        latent_dim: Size of a code.
        num_points: Points of a cloud.
        hidden: Units of the two hidden layers.
    """

    def __init__(
        self, latent_dim: int, num_points: int, hidden: tuple[int, int] = (256, 256)
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, hidden[0]),
            nn.ReLU(),
            nn.Linear(hidden[0], hidden[1]),
            nn.ReLU(),
            nn.Linear(hidden[1], 3 * num_points),
            nn.Unflatten(1, (num_points, 3)),
        )

    def forward(self, z: Float[Tensor, "codes latent"]) -> Float[Tensor, "codes points 3"]:
        """A cloud for each code."""
        return self.layers(z)


class FoldingDecoder(nn.Module):
    """Folds a square grid twice; each fold is a small network of a grid point and the code.

    Arguments:
        latent_dim: Size of a code; 512 in the paper.
        side: Points along a side of the grid; 45 in the paper.
        hidden: Units of each hidden layer.
        reach: Half the grid's side.
    """

    grid: Tensor

    def __init__(
        self, latent_dim: int, side: int = 45, hidden: int = 512, reach: float = 0.3
    ) -> None:
        super().__init__()
        self.register_buffer("grid", square_grid(side, reach).unsqueeze(0), persistent=False)
        self.first = TiledLinear(latent_dim, 2, hidden)
        self.first_rest = _fold(hidden)
        self.second = TiledLinear(latent_dim, 3, hidden)
        self.second_rest = _fold(hidden)

    def forward(self, z: Float[Tensor, "codes latent"]) -> Float[Tensor, "codes points 3"]:
        """A cloud of side² points for each code."""
        folded = self.first_rest(self.first(z, self.grid))
        return self.second_rest(self.second(z, folded))


def _fold(hidden: int) -> nn.Sequential:
    """The rest of a fold after its first linear layer."""
    return nn.Sequential(nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 3))


class Completion(NamedTuple):
    """A cloud twice.

    Arguments:
        coarse: Few points.
        fine: Many points, a patch around each of the few.
    """

    coarse: Float[Tensor, "codes few 3"]
    fine: Float[Tensor, "codes many 3"]


class PCNDecoder(nn.Module):
    """Few points by fully connected layers, then a folded patch around each.

    Arguments:
        latent_dim: Size of a code; 1024 in OcCo.
        num_coarse: Points of the coarse cloud.
        side: Points along a side of a patch; 4 make the fine cloud 16 times as large.
        reach: Half a patch's side.
        width: Multiplies the hidden channels; 1 is the paper.
    """

    grid: Tensor

    def __init__(
        self,
        latent_dim: int,
        num_coarse: int = 1024,
        side: int = 4,
        *,
        reach: float = 0.05,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        wide, narrow = scaled((1024, 512), width)
        self.coarse = PointMLPDecoder(latent_dim, num_coarse, (wide, wide))
        self.register_buffer("grid", square_grid(side, reach), persistent=False)
        self.first = nn.Linear(2 + 3 + latent_dim, narrow)
        self.norm = NormalisedRows(narrow)
        self.rest = nn.Sequential(point_mlp([narrow, narrow]), nn.Linear(narrow, 3))

    def forward(self, z: Float[Tensor, "codes latent"]) -> Float[Tensor, "codes points 3"]:
        """The fine cloud of each code."""
        return self.complete(z).fine

    def complete(self, z: Float[Tensor, "codes latent"]) -> Completion:
        """Both clouds of each code."""
        coarse = self.coarse(z)
        weight = self.first.weight
        patch = F.linear(self.grid, weight[:, :2])
        centre = F.linear(coarse, weight[:, 2:5]) + F.linear(
            z, weight[:, 5:], self.first.bias
        ).unsqueeze(1)
        x = self.norm(centre.unsqueeze(2) + patch).relu()
        return Completion(coarse, (self.rest(x) + coarse.unsqueeze(2)).flatten(1, 2))
