r"""The nearest points of one cloud to each point of another, exactly, in memory linear in both.

.. math:: N_k(q) = \text{the } k \text{ points } p \text{ of least } \lVert q - p \rVert^2

Few coordinates on the CPU: a KD-tree per cloud, in double precision. Many coordinates, another
device, or a graph that is traced: a block of queries at a time against all points, by one matrix
product.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch

from nebulatent.ops.distances import at_least_single
from nebulatent.ops.points import checked_clouds, points_at
from nebulatent.typing import Float, Int, Tensor

TREE_DIM = 6  # coordinates up to which a tree beats the matrix product
CPU_BLOCK = 1 << 22  # distances held at once: 16 MiB in single precision
GPU_BLOCK = 1 << 27  # 512 MiB, in few launches


class Nearest(NamedTuple):
    """Neighbours of each query, the nearest first."""

    squared_distance: Float[Tensor, "batch queries k"]
    indices: Int[Tensor, "batch queries k"]


def nearest_points(
    query: Float[Tensor, "batch queries dim"], points: Float[Tensor, "batch points dim"], k: int
) -> Nearest:
    """The `k` nearest points of the same cloud to each query; a query among them finds itself.

    Squared distances are differentiable by both clouds, indices by none. Equal distances are
    ordered by index; which of several points at the k-th distance is found is left open, but is the
    same each time.

    Unit: squared units of the points.

    Arguments:
        query: Where to look from.
        points: Among which to look.
        k: Number of neighbours.

    Raises:
        ValueError: If a cloud has fewer than `k` points or a coordinate is not finite.

    Examples:
        >>> line = torch.tensor([[[0.0], [1.0], [3.0]]])
        >>> nearest_points(torch.tensor([[[2.5]]]), line, 2)
        Nearest(squared_distance=tensor([[[0.2500, 2.2500]]]), indices=tensor([[[2, 1]]]))
    """
    index = nearest_indices(query, points, k)
    offset = at_least_single(query).unsqueeze(2) - points_at(at_least_single(points), index)
    return Nearest(offset.square().sum(-1), index)


def nearest_indices(
    query: Float[Tensor, "batch queries dim"], points: Float[Tensor, "batch points dim"], k: int
) -> Int[Tensor, "batch queries k"]:
    """`nearest_points` without distances, for graphs of features.

    Source: Wang et al., DGCNN, ACM Transactions on Graphics 2019, Sec. 3.1.
    Authors' code: the query itself is one of its `k` neighbours; the indices are not
    differentiated.
    """
    query, points = checked_pair(query.detach(), points.detach())
    if not 1 <= k <= points.shape[1]:
        raise ValueError(
            f"`k` must lie in 1..{points.shape[1]} for clouds of {points.shape[1]} points, got {k}."
        )
    if on_trees(points):
        return nearest_by_tree(query, points, k)
    return nearest_by_block(query, points, k, rows=block_rows(query, points))


def checked_pair(query: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Both sets of clouds, of one type; there may be no queries."""
    points = checked_clouds(points, "points")
    query = checked_clouds(query, "query") if query.shape[1] else query
    kind = torch.promote_types(query.dtype, points.dtype)
    return query.to(kind), points.to(kind)


def on_trees(points: Tensor) -> bool:
    """Whether to search in KD-trees, which a traced graph cannot hold."""
    here = points.device.type == "cpu" and not torch.compiler.is_compiling()
    return here and points.shape[2] <= TREE_DIM


def block_rows(query: Tensor, points: Tensor) -> int:
    """Queries of each cloud that are compared with all its points at a time."""
    if torch.compiler.is_compiling():
        return max(1, query.shape[1])
    entries = CPU_BLOCK if points.device.type == "cpu" else GPU_BLOCK
    return max(1, entries // max(1, points.shape[0] * points.shape[1]))


@contextmanager
def over_clouds(size: int) -> Iterator[Callable]:
    """A `map` over the clouds of a batch: on as many threads as PyTorch has, where that pays."""
    threads = torch.get_num_threads()
    if threads == 1 or size < 2:
        yield map
        return
    with ThreadPoolExecutor(min(threads, size)) as pool:
        yield pool.map


def nearest_by_tree(
    query: Float[Tensor, "batch queries dim"], points: Float[Tensor, "batch points dim"], k: int
) -> Int[Tensor, "batch queries k"]:
    """By a KD-tree for each cloud, on the CPU."""
    from scipy.spatial import KDTree  # not at the top: every command would wait

    batch, queries, _ = query.shape
    workers = torch.get_num_threads() if batch == 1 else 1
    found = np.empty((batch, queries, k), dtype=np.int64)

    def find(cloud: int) -> None:
        tree = KDTree(points[cloud].double().numpy())
        near = tree.query(query[cloud].double().numpy(), k, workers=workers)
        distance, index = (np.reshape(part, (queries, k)) for part in near)
        found[cloud] = _ties_by_index(distance, index)

    with over_clouds(batch) as each:
        list(each(find, range(batch)))
    return torch.from_numpy(found)


def _ties_by_index(distance: np.ndarray, index: np.ndarray) -> np.ndarray:
    """The indices, with those of equal distances in ascending order."""
    tied = (distance[:, 1:] == distance[:, :-1]).any(1)
    if tied.any():
        order = np.lexsort((index[tied], distance[tied]))
        index[tied] = np.take_along_axis(index[tied], order, 1)
    return index


def nearest_by_block(
    query: Float[Tensor, "batch queries dim"],
    points: Float[Tensor, "batch points dim"],
    k: int,
    *,
    rows: int,
) -> Int[Tensor, "batch queries k"]:
    """By matrix products, `rows` queries of each cloud against all its points at a time."""
    origin = points.mean(1, keepdim=True)  # |p|² - 2pq cancels badly far from it
    points, query = points - origin, query - origin
    half = points.square().sum(-1).unsqueeze(1) / 2
    # Half the squared distance less half the query's own norm: the same order.
    found = [
        torch.baddbmm(half, part, points.mT, alpha=-1).topk(k, dim=2, largest=False).indices
        for part in query.split(rows, 1)
    ]
    return torch.cat(found, 1)
