r"""Normals of a surface that is known by points only.

.. math:: C_i = \frac1k \sum_{j \in N_k(i)} (p_j - \bar p_i)(p_j - \bar p_i)^\top, \qquad
    C_i n_i = \lambda_0 n_i, \quad \lambda_0 \le \lambda_1 \le \lambda_2

with $\bar p_i$ the mean of the neighbours: the normal is the direction in which they vary least.
"""

from typing import NamedTuple

import torch

from nebulatent.ops.nearest_points import nearest_indices
from nebulatent.ops.points import checked_clouds, points_at
from nebulatent.typing import Float, Tensor


class Normals(NamedTuple):
    """Unit normals, and how far the surface is from a plane at each point."""

    direction: Float[Tensor, "batch points 3"]
    variation: Float[Tensor, "batch points"]
    """λ₀ / (λ₀ + λ₁ + λ₂): 0 on a plane, a line and a single place; 1/3 in a ball."""


def point_normals(points: Float[Tensor, "batch points 3"], *, k: int = 16) -> Normals:
    """Normals by principal components of the `k` nearest points, the point itself among them.

    Source: Hoppe et al., SIGGRAPH 1992, Sec. 3.2; Pauly et al., Visualization 2002, for variation.
    Our reading: a normal points away from the mean of the cloud, which orients convex shapes; Hoppe
    et al. propagate signs over a spanning tree.
    Notes: On a line or a single place any normal of it may be returned. There is no gradient.

    Arguments:
        points: Clouds of at least `k` points.
        k: Neighbours that span a patch, at least 3.

    Raises:
        ValueError: If `k` is below 3 or a cloud has fewer points.

    Examples:
        >>> square = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, -9]]])
        >>> point_normals(square, k=4).direction[0, 3].abs().tolist()
        [0.0, 0.0, 1.0]
    """
    if k < 3:
        raise ValueError(f"`k` must be at least 3, since two points span no plane; got {k}.")
    points = checked_clouds(points.detach(), "points").double()
    patch = points_at(points, nearest_indices(points, points, k))
    offset = patch - patch.mean(2, keepdim=True)
    spread, axes = torch.linalg.eigh(offset.mT @ offset)
    normal, outward = axes[..., 0], points - points.mean(1, keepdim=True)
    away = torch.where((normal * outward).sum(-1, keepdim=True) < 0, -1.0, 1.0)
    spread = spread.clamp_min(0)
    total = spread.sum(-1)
    variation = torch.where(total > 0, spread[..., 0] / total.clamp_min(1e-300), 0.0)
    return Normals((normal * away), variation)
