r"""Clouds of points: looking up, normalising and resampling them.

A batch of clouds is a tensor `(batch, points, dim)`; the order of the points of a cloud means
nothing. Neighbours are in `nearest_points.py` and `ball_points.py`, subsets that cover a cloud in
`farthest_points.py` and `point_grids.py`, matchings in `transport.py`, normals in
`point_normals.py`, points on surfaces in `mesh_samples.py`.
"""

from typing import NamedTuple

import torch

from nebulatent.ops.distances import at_least_single
from nebulatent.typing import Float, Int, Shaped, Tensor


def checked_clouds(points: Float[Tensor, "batch points dim"], name: str) -> Tensor:
    """The clouds, in at least single precision.

    Raises:
        ValueError: If the clouds are empty, have no coordinates, or a coordinate is not finite.
    """
    size, dim = points.shape[1:]
    if size == 0 or dim == 0:
        raise ValueError(
            f"`{name}` must have points with coordinates, got clouds of {size} points in {dim} "
            "dimensions; leave empty clouds out of the batch."
        )
    # The values are not known while a graph is traced.
    if not torch.compiler.is_compiling() and not torch.isfinite(points).all():
        bad = int((~torch.isfinite(points)).any(-1).sum())
        raise ValueError(
            f"`{name}` must be finite, got {bad} points with NaN or infinite coordinates; "
            "remove them first."
        )
    return at_least_single(points)


def points_at(
    values: Shaped[Tensor, "batch points channels"], index: Int[Tensor, "batch *picks"]
) -> Shaped[Tensor, "batch *picks channels"]:
    """Values of each cloud at the indices of the same cloud; differentiable by the values.

    Examples:
        >>> cloud = torch.tensor([[[1.0], [2.0], [4.0]]])
        >>> points_at(cloud, torch.tensor([[[2, 0]]])).tolist()
        [[[[4.0], [1.0]]]]
    """
    batch, size, channels = values.shape
    cloud = torch.arange(batch, device=index.device) * size
    flat = (index + cloud.view(-1, *[1] * (index.ndim - 1))).flatten()
    picked = values.reshape(batch * size, channels).index_select(0, flat)
    return picked.view(*index.shape, channels)


class Normalised(NamedTuple):
    """Clouds brought to a common frame: `points * scale + centre` are the originals."""

    points: Float[Tensor, "batch points dim"]
    centre: Float[Tensor, "batch 1 dim"]
    scale: Float[Tensor, "batch 1 1"]


def to_unit_sphere(points: Float[Tensor, "batch points dim"]) -> Normalised:
    """Each cloud with its mean at the origin and its farthest point at distance 1.

    Source: Qi et al., PointNet, CVPR 2017, Sec. 5.1 and its `pc_normalize`.
    Notes: A cloud of one repeated point is only moved; its scale is 1.

    Examples:
        >>> to_unit_sphere(torch.tensor([[[0.0, 0.0], [4.0, 0.0]]])).points.tolist()
        [[[-1.0, 0.0], [1.0, 0.0]]]
    """
    points = checked_clouds(points, "points")
    centre = points.mean(1, keepdim=True)
    offset = points - centre
    return _scaled(offset, centre, torch.linalg.vector_norm(offset, dim=-1).amax(1))


def to_unit_cube(points: Float[Tensor, "batch points dim"]) -> Normalised:
    """Each cloud with its bounding box centred at the origin and a longest side of 1.

    Source: Mescheder et al., Occupancy Networks, CVPR 2019, supplement; coordinates end at ±1/2.
    Notes: A cloud of one repeated point is only moved; its scale is 1.

    Examples:
        >>> to_unit_cube(torch.tensor([[[0.0, 0.0], [4.0, 1.0]]])).points.tolist()
        [[[-0.5, -0.125], [0.5, 0.125]]]
    """
    points = checked_clouds(points, "points")
    low, high = points.amin(1, keepdim=True), points.amax(1, keepdim=True)
    centre = (low + high) / 2
    return _scaled(points - centre, centre, (high - low).amax(-1).squeeze(1))


def _scaled(offset: Tensor, centre: Tensor, size: Float[Tensor, " batch"]) -> Normalised:
    """The offsets in units of the size, where there is one."""
    scale = torch.where(size > 0, size, torch.ones_like(size)).view(-1, 1, 1)
    return Normalised(offset / scale, centre, scale)


def resampled(
    points: Shaped[Tensor, "batch points channels"], count: int, generator: torch.Generator
) -> Shaped[Tensor, "batch count channels"]:
    """As many points of each cloud as asked for: a random subset, or all and random repetitions.

    Source: Chen et al., PointMixup, ECCV 2020, Sec. 4.1: clouds of unequal size are brought to the
    same by replicating random elements.

    Raises:
        ValueError: If `count` is not positive or the clouds are empty.
    """
    batch, size, _ = points.shape
    if count < 1 or size < 1:
        raise ValueError(f"`count` and the points must be positive, got {count} of {size}.")
    order = torch.rand(batch, size, generator=generator, device=generator.device).argsort(1)
    more = max(0, count - size)
    extra = torch.randint(size, (batch, more), generator=generator, device=generator.device)
    return points_at(points, torch.cat([order[:, :count], extra], 1).to(points.device))
