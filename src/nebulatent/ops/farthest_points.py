r"""Farthest-point sampling: points that cover a cloud, each the farthest from those before it.

.. math:: s_{k} = \arg\max_i\, g_k(i), \qquad
    g_k(i) = \min_{j < k} \lVert x_i - x_{s_j} \rVert^2

The picks are exact and depend on one another, so there is one pass over all points per pick; what
can be saved is everything else. On the CPU a pass is seven calls on buffers that are made once, an
axis per contiguous row, each call by whichever of PyTorch and NumPy does it faster.
"""

import numpy as np
import torch

from nebulatent.ops.points import checked_clouds, points_at
from nebulatent.typing import Float, Int, Tensor

Start = int | Int[Tensor, " batch"] | torch.Generator


def farthest_points(
    points: Float[Tensor, "batch points dim"], count: int, *, start: Start = 0
) -> Int[Tensor, "batch count"]:
    r"""Indices of `count` points of each cloud, in the order in which they are picked.

    Source: Gonzalez, Theoretical Computer Science 1985; Qi et al., PointNet++, NIPS 2017, Sec. 3.2.
    Authors' code: the TensorFlow sampler starts at index 0, its PyTorch port at a random point;
    both repeat index 0 once only copies of picked points are left.
    Our reading: the indices of a cloud are distinct; such copies follow in their own order. Of
    equal gaps the lowest index comes first.

    Arguments:
        points: Clouds of equal size.
        count: Number of points to pick.
        start: First index, for all clouds or for each; or a generator that draws one per cloud.

    Raises:
        ValueError: If a cloud has fewer than `count` points, a coordinate is not finite, or a start
            is not an index.

    Examples:
        >>> line = torch.tensor([[[0.0], [1.0], [5.0], [9.0]]])
        >>> farthest_points(line, 3).tolist()
        [[0, 3, 2]]
    """
    points = checked_clouds(points.detach(), "points")
    batch, size, _ = points.shape
    if not 1 <= count <= size:
        raise ValueError(f"`count` must lie in 1..{size} for clouds of {size} points, got {count}.")
    first = _starts(start, batch, size).to(points.device)
    if torch.compiler.is_compiling() or points.device.type != "cpu" or batch == 0:
        return distinct_picks(points, count, first)
    found, exhausted = _picks(points, count, first)
    if exhausted.any():
        found[exhausted] = distinct_picks(points[exhausted], count, first[exhausted])
    return found


def _starts(start: Start, batch: int, size: int) -> Int[Tensor, " batch"]:
    """The first index of each cloud."""
    if isinstance(start, torch.Generator):
        return torch.randint(size, (batch,), generator=start, device=start.device)
    if isinstance(start, int):
        ends, first = (start, start), torch.full((batch,), start)
    else:
        traced = batch == 0 or torch.compiler.is_compiling()
        ends, first = (0, 0) if traced else (int(start.min()), int(start.max())), start.long()
    if not 0 <= ends[0] <= ends[1] < size:
        raise ValueError(f"`start` must lie in 0..{size - 1}, got {ends[0]} to {ends[1]}.")
    return first


def distinct_picks(
    points: Float[Tensor, "batch points dim"], count: int, first: Int[Tensor, " batch"]
) -> Int[Tensor, "batch count"]:
    """The usual loop: for a device on which a call is a launch, and for clouds of few places."""
    last = first.unsqueeze(1)
    found = [last]
    gap = torch.full_like(points[..., 0], torch.inf)
    for _ in range(count - 1):
        gap = torch.minimum(gap, (points - points_at(points, last)).square().sum(-1))
        gap = gap.scatter(1, last, -1.0)  # below the gap of its copies
        last = gap.argmax(1, keepdim=True)
        found.append(last)
    return torch.cat(found, 1)


def _picks(
    points: Float[Tensor, "batch points dim"], count: int, first: Int[Tensor, " batch"]
) -> tuple[Int[Tensor, "batch count"], Tensor]:
    """The picks on the CPU, and the clouds that ran out of places to pick."""
    batch, size, dim = points.shape
    place = points.permute(2, 0, 1).contiguous()
    centre, offset = place.new_empty(dim, batch, 1), torch.empty_like(place)
    flat, centres, squares = place.view(dim, -1).numpy(), centre[..., 0].numpy(), offset.numpy()
    found = np.empty((count, batch), dtype=np.int64)
    found[0] = first.numpy()
    row = np.arange(batch) * size
    total, others = squares[0], list(squares[1:])
    gap = np.full_like(total, np.inf)
    for k in range(1, count):
        flat.take(row + found[k - 1], axis=1, out=centres, mode="clip")
        torch.sub(place, centre, out=offset)  # NumPy is slower where it has to broadcast
        np.multiply(squares, squares, out=squares)
        for other in others:
            np.add(total, other, out=total)
        np.minimum(gap, total, out=gap)
        gap.argmax(1, out=found[k])  # PyTorch's takes longer than all else together
    # A gap of 0 under the last pick: it was a copy, and then so may be those before it.
    exhausted = np.take_along_axis(gap, found[-1:].T, 1)[:, 0] == 0
    return torch.from_numpy(found.T.copy()), torch.from_numpy(exhausted)
