r"""What can happen to a cloud of points between a scanner and a network.

Each corruption is a pure function of (clouds, generator, strength); the same generator state gives
the same clouds. Lengths are in units of the clouds, which are expected around the origin with
radius 1; nothing is brought back to that frame afterwards.

=============================== ==================================== ===========================
:func:`jittered`                normal noise on every coordinate     as many points
:func:`thinned`                 a random share of the points missing fewer, as many in each cloud
:func:`turned_about_z`          a rotation about the up axis         as many; distances kept
:func:`turned`                  a rotation about any axis            as many; distances kept
:func:`cut_off`                 one side of a plane missing          fewer, as many in each cloud
:func:`seen_from_sides`         what is hidden from some sides       as many, some repeated
:func:`occluded`                the same of one side                 as many as asked for
=============================== ==================================== ===========================
"""

import math

import torch

from nebulatent.ops.points import points_at
from nebulatent.typing import Bool, Float, Tensor

CELLS = 16  # of a side of the image that decides what is hidden
MAX_SIDES = 100
Clouds = Float[Tensor, "batch points 3"]


def jittered(points: Clouds, generator: torch.Generator, std: float) -> Clouds:
    """Clouds with normal noise on every coordinate, not clipped.

    Arguments:
        points: Clouds.
        generator: Source of the randomness.
        std: Standard deviation of the noise, in radii of a cloud.

    Raises:
        ValueError: If `std` is negative.
    """
    if not 0 <= std < math.inf:
        raise ValueError(f"`std` must not be negative, got {std}.")
    return points + std * _normal(tuple(points.shape), points, generator)


def thinned(
    points: Clouds, generator: torch.Generator, share: float
) -> Float[Tensor, "batch fewer 3"]:
    """Clouds that a random share of their points are missing from; at least one is left.

    Arguments:
        points: Clouds.
        generator: Source of the randomness.
        share: Share of each cloud's points that are missing.

    Raises:
        ValueError: If `share` is not in [0, 1).
    """
    kept = _kept(points, share)
    order = _uniform(tuple(points.shape[:2]), points, generator).argsort(1)
    return points_at(points, order[:, :kept])


def turned_about_z(points: Clouds, generator: torch.Generator, degrees: float) -> Clouds:
    """Each cloud turned about the up axis by an angle drawn evenly from ±`degrees`."""
    up = points.new_tensor([0.0, 0.0, 1.0]).expand(len(points), 3)
    return points @ _rotations(up, _angles(points, generator, degrees)).mT


def turned(points: Clouds, generator: torch.Generator, degrees: float) -> Clouds:
    """Each cloud turned about a random axis by an angle drawn evenly from ±`degrees`.

    Notes: ±180 degrees is not the uniform distribution of rotations, which has fewer small angles.
    """
    axis = _directions(points, generator)
    return points @ _rotations(axis, _angles(points, generator, degrees)).mT


def cut_off(
    points: Clouds, generator: torch.Generator, share: float
) -> Float[Tensor, "batch fewer 3"]:
    """Clouds without the points beyond a plane: those farthest in a random direction.

    Arguments:
        points: Clouds.
        generator: Source of the randomness.
        share: Share of each cloud's points that are missing; at least one is left.

    Raises:
        ValueError: If `share` is not in [0, 1).
    """
    kept = _kept(points, share)
    along = (points * _directions(points, generator).unsqueeze(1)).sum(2)
    return points_at(points, along.argsort(dim=1, stable=True)[:, :kept])


def seen_from_sides(points: Clouds, generator: torch.Generator, sides: float) -> Clouds:
    """What cameras far away see of each cloud from random sides; points are repeated to the count.

    Arguments:
        points: Clouds.
        generator: Source of the randomness.
        sides: Number of cameras, a whole number; a point is kept if one of them sees it.

    Raises:
        ValueError: If `sides` is no whole number from 1 to 100.
    """
    if sides not in range(1, MAX_SIDES + 1):
        raise ValueError(f"`sides` must be a whole number in 1..{MAX_SIDES}, got {sides}.")
    seen = seen_from(points, _frames(points, generator))
    for _ in range(int(sides) - 1):
        seen = seen | seen_from(points, _frames(points, generator))
    return _chosen(points, seen, points.shape[1], generator)


def occluded(
    points: Clouds,
    count: int,
    generator: torch.Generator | None = None,
    cells: int = CELLS,
) -> Float[Tensor, "batch count 3"]:
    """Each cloud seen from a random side, brought to `count` points by choice or by repetition.

    Arguments:
        points: Clouds.
        count: Points of each result.
        generator: Source of the randomness; the global one if missing.
        cells: Cells along a side of the image.
    """
    seen = seen_from(points, _frames(points, generator), cells)
    return _chosen(points, seen, count, generator)


def seen_from(
    points: Clouds,
    frame: Float[Tensor, "batch 3 3"],
    cells: int = CELLS,
) -> Bool[Tensor, "batch points"]:
    """Which points are not hidden behind others, seen along the third column of each frame.

    Arguments:
        points: Clouds.
        frame: Orthonormal columns: right, up, away from the camera.
        cells: Cells along a side of the image that each cloud fills. A point is hidden if it lies
            more than two cells' length behind the nearest one of its cell.
    """
    view = points @ frame
    low, high = view.amin(1, keepdim=True), view.amax(1, keepdim=True)
    size = ((high - low)[..., :2].amax(2, keepdim=True) / cells).clamp_min(1e-12)
    column = ((view[..., :2] - low[..., :2]) / size).long().clamp(0, cells - 1)
    cell = column[..., 0] * cells + column[..., 1]
    depth = view[..., 2]
    front = depth.new_full((len(points), cells**2), torch.inf)
    front = front.scatter_reduce(1, cell, depth, "amin")
    return depth <= front.gather(1, cell) + 2 * size.squeeze(2)


def _frames(points: Tensor, generator: torch.Generator | None) -> Float[Tensor, "batch 3 3"]:
    """A random camera for each cloud: all directions alike, since R's signs are put into Q."""
    q, r = torch.linalg.qr(_normal((len(points), 3, 3), points, generator))
    return q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)


def _chosen(
    points: Clouds,
    seen: Bool[Tensor, "batch points"],
    count: int,
    generator: torch.Generator | None,
) -> Float[Tensor, "batch count 3"]:
    """So many of the points that are seen: random ones, or all and some of them again."""
    order = (_uniform(tuple(seen.shape), points, generator) - 2.0 * seen).argsort(1)
    place = torch.arange(count, device=points.device) % seen.sum(1, keepdim=True)
    return points_at(points, order.gather(1, place))


def _kept(points: Tensor, share: float) -> int:
    if not 0 <= share < 1:
        raise ValueError(f"`share` must be in [0, 1), got {share}.")
    return max(1, round((1 - share) * points.shape[1]))


def _directions(points: Tensor, generator: torch.Generator) -> Float[Tensor, "batch 3"]:
    """A direction for each cloud, all equally likely."""
    return torch.nn.functional.normalize(_normal((len(points), 3), points, generator))


def _angles(points: Tensor, generator: torch.Generator, degrees: float) -> Float[Tensor, " batch"]:
    if not 0 <= degrees <= 180:
        raise ValueError(f"`degrees` must be within 0 to 180, got {degrees}.")
    return math.radians(degrees) * (2 * _uniform((len(points),), points, generator) - 1)


def _rotations(
    axis: Float[Tensor, "batch 3"], angle: Float[Tensor, " batch"]
) -> Float[Tensor, "batch 3 3"]:
    """Rotations of columns about unit axes by angles in radians, by Rodrigues' formula."""
    x, y, z = axis.unbind(1)
    none = torch.zeros_like(x)
    cross = torch.stack([none, -z, y, z, none, -x, -y, x, none], 1).view(-1, 3, 3)
    sine, rest = angle.sin().view(-1, 1, 1), (1 - angle.cos()).view(-1, 1, 1)
    return torch.eye(3, dtype=axis.dtype, device=axis.device) + sine * cross + rest * cross @ cross


def _normal(shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.randn(shape, generator=generator, dtype=like.dtype, device=like.device)


def _uniform(shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.rand(shape, generator=generator, dtype=like.dtype, device=like.device)
