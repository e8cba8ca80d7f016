r"""Jigsaw3D: a cloud's cells are shuffled, and every point must say where it came from.

.. math:: L = -\frac1N \sum_i \log p(c(p_i) \mid \text{shuffled } P), \qquad
    \text{shuffled } p_i = p_i + \text{centre}_{\sigma(c(p_i))} - \text{centre}_{c(p_i)}

where :math:`c(p)` is the cell of a grid of k³ that a point lies in, :math:`\sigma` a permutation.

Source: Sauder & Sievers: Self-Supervised Deep Learning on Point Clouds by Reconstructing Space,
NeurIPS 2019; k = 3 in the paper, on any network that scores points.
Authors' code: the generator in circulation (hansen7/OcCo) never moves a cell along y, because it
computes the cell's y index as (number // k²) // k, which is 0 for k = 2 and 3, and gives a point at
-1 exactly the index -1. Ours moves cells along all axes and keeps that point in its cell.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from nebulatent.backbones.prediction import PointNetwork
from nebulatent.data.batch import Batch
from nebulatent.latents.posterior import Dirac
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Float, Int, Tensor


def cell_of(points: Float[Tensor, "batch points 3"], cells: int = 3) -> Int[Tensor, "batch points"]:
    """Number of the cell of the cube from -1 to 1 that each point lies in, x slowest, z fastest.

    Points outside belong to the nearest cell.

    Examples:
        >>> cell_of(torch.tensor([[[-1.0, -1.0, 0.9], [0.0, 1.0, 0.0]]]))
        tensor([[ 2, 16]])
    """
    place = ((points + 1) * (cells / 2)).floor().long().clamp(0, cells - 1)
    return (place[..., 0] * cells + place[..., 1]) * cells + place[..., 2]


def cell_centres(cells: int, like: Tensor) -> Float[Tensor, "cells 3"]:
    """Centre of each cell, by number, with the device and precision of another tensor."""
    place = (torch.arange(cells, device=like.device, dtype=like.dtype) + 0.5) * (2 / cells) - 1
    return torch.cartesian_prod(place, place, place)


def shuffle_cells(
    points: Float[Tensor, "batch points 3"],
    cells: int = 3,
    generator: torch.Generator | None = None,
) -> tuple[Float[Tensor, "batch points 3"], Int[Tensor, "batch points"]]:
    """Move the cells of each cloud to one another's places, each cloud by its own permutation.

    Arguments:
        points: Clouds between -1 and 1.
        cells: Cells k along a side.
        generator: Source of the randomness; the global one if missing.

    Returns:
        The moved points, in their order, and the cell that each came from.
    """
    origin = cell_of(points, cells)
    noise = torch.rand(len(points), cells**3, generator=generator, device=points.device)
    goal = noise.argsort(1)
    centres = cell_centres(cells, points)
    return points + centres[goal.gather(1, origin)] - centres[origin], origin


class Jigsaw3D(nn.Module):
    """Creates the objective of Jigsaw3D for any network that scores points.

    The permutations come from the global generator, which `fit` seeds.

    Arguments:
        network: Scores every point; it has k³ classes.
        cells: Cells k along a side.
        latent_terms: Further terms of the features of the shuffled clouds, such as `NebulaAnchors`.

    Raises:
        ValueError: If the network does not have k³ classes.
    """

    def __init__(
        self,
        network: PointNetwork,
        *,
        cells: int = 3,
        latent_terms: Callable[[Tensor], Terms] = no_terms,
    ) -> None:
        super().__init__()
        if cells < 1 or network.num_classes != cells**3:
            raise ValueError(
                f"`network` must have one class per cell ({cells}³), got {network.num_classes} for "
                f"{cells} cells along a side."
            )
        self.network, self.cells, self.latent_terms = network, cells, latent_terms

    def forward(self, batch: Batch) -> Terms:
        """The terms of one batch; its labels are not read, nor is `y`."""
        points, origin = shuffle_cells(batch.x, self.cells)
        prediction = self.network(points)
        loss = F.cross_entropy(prediction.logits.flatten(0, 1).float(), origin.flatten())
        return Terms({"cells": loss}) | prediction.terms | self.latent_terms(prediction.h)

    def encode(self, x: Float[Tensor, "batch points 3"]) -> Dirac:
        """The network's feature of each cloud, not shuffled."""
        return Dirac(self.network.features(x))
