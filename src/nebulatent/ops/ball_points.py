r"""Ball query: points of a cloud within a radius of each query, the same number for each.

.. math:: B_k(q) = \text{the first } k \text{ indices } i \text{ with }
    \lVert q - p_i \rVert^2 \le r^2

Few coordinates on the CPU: pairs within the radius from two KD-trees. Otherwise, and while a graph
is traced, a block of queries at a time against all points. Memory grows with the numbers of points
and queries, not with their product.
"""

import numpy as np
import torch
from scipy.spatial import KDTree

from nebulatent.ops.nearest_points import (
    block_rows,
    checked_pair,
    nearest_indices,
    on_trees,
    over_clouds,
)
from nebulatent.typing import Float, Int, Tensor

MOST_PAIRS = 1 << 22  # pairs held at once: 96 MiB


def ball_points(
    query: Float[Tensor, "batch queries dim"],
    points: Float[Tensor, "batch points dim"],
    radius: float,
    k: int,
) -> Int[Tensor, "batch queries k"]:
    """Indices of `k` points within `radius` of each query, in ascending order.

    Where there are fewer, the first index found is repeated.

    Source: Qi et al., PointNet++, NIPS 2017, Sec. 3.2.
    Authors' code: the CUDA kernel takes distances below the radius, its PyTorch port up to it; of a
    query with nothing in its ball the first gives index 0, the second an index outside the cloud.
    Our reading: up to the radius; with nothing in the ball, the nearest point.
    Notes: The neighbours are the first in the order of the cloud, not the nearest; shuffle clouds
        whose order means something. Time grows with the number of pairs within the radius.

    Arguments:
        query: Centres of the balls.
        points: Among which to look; there may be fewer than `k`.
        radius: In units of the points.
        k: Number of indices for each query.

    Raises:
        ValueError: If `radius` or `k` is not positive, or a coordinate is not finite.

    Examples:
        >>> line = torch.tensor([[[0.0], [1.0], [2.0], [9.0]]])
        >>> ball_points(line[:, [1, 3]], line, 1.0, 4).tolist()
        [[[0, 1, 2, 0], [3, 3, 3, 3]]]
    """
    if not radius > 0 or k < 1:
        raise ValueError(f"`radius` and `k` must be positive, got {radius} and {k}.")
    query, points = checked_pair(query.detach(), points.detach())
    if on_trees(points):
        found = ball_by_tree(query, points, radius, k)
    else:
        found = ball_by_block(query, points, radius, k, rows=block_rows(query, points))
    if torch.compiler.is_compiling() or (found < 0).any():
        return torch.where(found < 0, nearest_indices(query, points, 1), found)
    return found


def ball_by_tree(
    query: Float[Tensor, "batch queries dim"],
    points: Float[Tensor, "batch points dim"],
    radius: float,
    k: int,
) -> Int[Tensor, "batch queries k"]:
    """By KD-trees, on the CPU; -1 for a query with nothing in its ball."""
    found = np.full((*query.shape[:2], k), -1, dtype=np.int64)

    def find(cloud: int) -> None:
        tree = KDTree(points[cloud].double().numpy())
        _fill(found[cloud], query[cloud].double().numpy(), tree, radius)

    with over_clouds(len(query)) as each:
        list(each(find, range(len(query))))
    return torch.from_numpy(found)


def _fill(found: np.ndarray, query: np.ndarray, tree: KDTree, radius: float) -> None:
    """Fill `found` from the pairs within the radius, halving the queries while these are many."""
    parts = [slice(0, len(query))] if len(query) else []
    while parts:
        rows = parts.pop()
        near = KDTree(query[rows])
        size = rows.stop - rows.start
        if size > 1 and size * tree.n > MOST_PAIRS < near.count_neighbors(tree, radius):
            middle = rows.start + size // 2
            parts += [slice(rows.start, middle), slice(middle, rows.stop)]
            continue
        pairs = near.sparse_distance_matrix(tree, radius, output_type="ndarray")
        found[rows] = _first_of_each(pairs["i"] * tree.n + pairs["j"], size, tree.n, found.shape[1])


def _first_of_each(pairs: np.ndarray, queries: int, points: int, k: int) -> np.ndarray:
    """The first `k` points of each query, from pairs coded as query * points + point."""
    query, point = np.divmod(np.sort(pairs), points)
    start = np.searchsorted(query, np.arange(queries + 1))
    here, number = start[:-1, None], np.diff(start)[:, None]
    place = np.arange(k)
    place = here + np.where(place < number, place, 0)
    return np.where(number > 0, point[np.minimum(place, len(point) - 1)] if len(point) else 0, -1)


def ball_by_block(
    query: Float[Tensor, "batch queries dim"],
    points: Float[Tensor, "batch points dim"],
    radius: float,
    k: int,
    *,
    rows: int,
) -> Int[Tensor, "batch queries k"]:
    """By all distances of `rows` queries of each cloud; -1 for a query with an empty ball."""
    size = points.shape[1]
    order = torch.arange(size, device=points.device)
    found = []
    for part in query.split(rows, 1):
        # By differences: the matrix product's rounding would move points across the radius.
        distance = torch.cdist(part, points, compute_mode="donot_use_mm_for_euclid_dist")
        inside = torch.where(distance <= radius, order, size)
        first = inside.topk(min(k, size), dim=2, largest=False).values
        padded = torch.where(first < size, first, first[..., :1])
        found.append(torch.cat([padded, first[..., :1].expand(-1, -1, k - first.shape[2])], 2))
    whole = torch.cat(found, 1)
    return torch.where(whole < size, whole, -1)
