r"""Clouds and grids: which cells points fill, points of filled cells, values between cells.

A batch of grids is `(batch, channels, x, y, z)` or `(batch, x, y, z)`; it covers the cube of side
`side` around the origin, as :class:`.voxels.Grid` does, and cell i has its centre at

.. math:: c_i = \Bigl(\frac{i + \tfrac12}{n} - \tfrac12\Bigr) \text{side}

Between centres a value is interpolated along each axis in turn (trilinear); beyond the outermost
centres it is that of the border.
"""

import torch
from torch.nn.functional import grid_sample

from nebulatent.ops.points import checked_clouds
from nebulatent.typing import Bool, Float, Tensor


def to_occupancy(
    points: Float[Tensor, "batch points 3"], resolution: int = 32, side: float = 1.1
) -> Bool[Tensor, "batch x y z"]:
    """The cells that hold a point; points outside the cube are left out.

    Raises:
        ValueError: If `resolution` or `side` is not positive, or points are not finite.

    Examples:
        >>> cells = to_occupancy(torch.tensor([[[-0.4, 0.0, 0.4], [9.0, 0.0, 0.0]]]), 2, 1.0)
        >>> cells.nonzero().tolist()
        [[0, 0, 1, 1]]
    """
    _check(resolution, side)
    place = ((checked_clouds(points, "points") / side + 0.5) * resolution).floor()
    inside = ((place >= 0) & (place < resolution)).all(-1)
    cells = points.new_zeros(len(points), *(resolution,) * 3, dtype=torch.bool)
    batch = torch.arange(len(points), device=points.device).unsqueeze(1).expand_as(inside)
    x, y, z = place[inside].long().unbind(-1)
    cells[batch[inside], x, y, z] = True
    return cells


def from_occupancy(
    cells: Bool[Tensor, "batch x y z"], count: int, generator: torch.Generator, side: float = 1.1
) -> Float[Tensor, "batch points 3"]:
    """Points anywhere in the filled cells, each cell as likely as any other.

    Arguments:
        cells: Cubic grids with at least one filled cell each.
        count: Points of each grid.
        generator: Draws, on its own device.
        side: Length of the cube.

    Raises:
        ValueError: If a grid is empty or not a cube, or `count` or `side` is not positive.
    """
    resolution = cells.shape[1]
    _check(min(count, resolution), side)
    if len(set(cells.shape[1:])) != 1:
        raise ValueError(f"`cells` must be cubes, got {list(cells.shape[1:])}.")
    filled = cells.flatten(1)
    if not filled.any(1).all():
        empty = int((~filled.any(1)).nonzero()[0])
        raise ValueError(f"`cells` must each have a filled cell, got none in number {empty}.")
    drawn = torch.multinomial(
        filled.to(generator.device).float(), count, replacement=True, generator=generator
    )
    index = torch.stack(torch.unravel_index(drawn, (resolution,) * 3), -1)
    spread = torch.rand(index.shape, generator=generator, device=generator.device)
    return (((index + spread) / resolution - 0.5) * side).to(cells.device)


def values_at(
    values: Float[Tensor, "batch channels x y z"],
    points: Float[Tensor, "batch points 3"],
    side: float = 1.1,
) -> Float[Tensor, "batch points channels"]:
    """Trilinear look-up of a grid's values at points; differentiable by both.

    Source: Mescheder et al. / Peng et al., Convolutional Occupancy Networks, ECCV 2020, Sec. 3.2.

    Raises:
        ValueError: If `side` is not positive.

    Examples:
        >>> ramp = torch.tensor([0.0, 1.0]).view(1, 1, 2, 1, 1).expand(1, 1, 2, 2, 2)
        >>> values_at(ramp, torch.tensor([[[0.0, 0.3, 0.1]]]), side=1.0).item()
        0.5
    """
    _check(1, side)
    place = (2 / side * points).flip(-1)[:, None, None].to(values.dtype)
    found = grid_sample(values, place, padding_mode="border", align_corners=False)
    return found[:, :, 0, 0].transpose(1, 2)


def resized(
    values: Float[Tensor, "batch channels x y z"], resolution: int
) -> Float[Tensor, "batch channels new_x new_y new_z"]:
    """Grids of another resolution of the same cube: each new cell is the mean of what it covers.

    Of occupancy it is the filled share; `resized(...) > 0` is 3D-RecGAN's block maximum, `>= 0.5`
    the majority.

    Raises:
        ValueError: If `resolution` is not positive.

    Examples:
        >>> corner = torch.zeros(1, 1, 3, 3, 3).index_fill_(2, torch.tensor([0]), 1.0)
        >>> resized(corner, 2)[0, 0, :, 0, 0]
        tensor([0.6667, 0.0000])
    """
    _check(resolution, 1.0)
    for axis in (2, 3, 4):
        size = values.shape[axis]
        old = torch.arange(size, dtype=values.dtype, device=values.device) * (resolution / size)
        new = torch.arange(resolution, dtype=values.dtype, device=values.device).unsqueeze(1)
        high = torch.minimum(old + resolution / size, new + 1)
        share = (high - torch.maximum(old, new)).clamp_min(0)
        values = (values.movedim(axis, -1) @ share.T).movedim(-1, axis)
    return values


def centred(
    values: Float[Tensor, "batch channels x y z"], resolution: int
) -> Float[Tensor, "batch channels new_x new_y new_z"]:
    """Grids cut or padded with 0 around their middle to a cube of cells of the same size.

    Source: the loader of Yang et al., 3D-RecGAN, 2017: the first cell goes to ⌊(n − d) / 2⌋.

    Raises:
        ValueError: If `resolution` is not positive.
    """
    _check(resolution, 1.0)
    whole = values.new_zeros(*values.shape[:2], *(resolution,) * 3)
    to, from_ = [], []
    for size in values.shape[2:]:
        start = (resolution - size) // 2
        to.append(slice(max(start, 0), max(start, 0) + min(size, resolution)))
        from_.append(slice(max(-start, 0), max(-start, 0) + min(size, resolution)))
    whole[:, :, to[0], to[1], to[2]] = values[:, :, from_[0], from_[1], from_[2]]
    return whole


def _check(resolution: int, side: float) -> None:
    if resolution < 1 or not 0 < side < float("inf"):
        raise ValueError(
            f"`resolution`, `count` and `side` must be positive, got {resolution} and {side}."
        )
