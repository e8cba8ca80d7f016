r"""Nearest neighbours of every row among all rows, without a table of all pairs.

.. math:: N_k(n) = \text{the } k \text{ rows } j \ne n \text{ of least } \lVert x_n - x_j \rVert^2

They are exact. A block of rows is compared with all rows at a time, so memory grows with the
number of rows, not with its square.
"""

import torch

from nebulatent.typing import Float, Int, Tensor

BLOCK_ENTRIES = 1 << 25  # distances held at once: 128 MiB in single precision


def nearest_rows(
    x: Float[Tensor, "rows features"], k: int, *, block_entries: int = BLOCK_ENTRIES
) -> Int[Tensor, "rows k"]:
    """Indices of the `k` nearest other rows, the nearest first.

    Arguments:
        x: Points.
        k: Number of neighbours.
        block_entries: How many distances to hold at once.

    Raises:
        ValueError: If there are not `k` other rows, or `k` is not positive.

    Examples:
        >>> nearest_rows(torch.tensor([[0.0], [1.0], [3.0]]), 1).tolist()
        [[1], [0], [1]]
    """
    if not 1 <= k < len(x):
        raise ValueError(f"`k` must lie in 1..{len(x) - 1} for {len(x)} rows, got {k}.")
    x = x - x.mean(0)  # |a|² - 2ab + |b|² cancels badly far from the origin
    half_norms = x.square().sum(1) / 2
    found = torch.empty(len(x), k, dtype=torch.long, device=x.device)
    size = max(1, block_entries // len(x))
    for start in range(0, len(x), size):
        rows = slice(start, min(start + size, len(x)))
        # Without the row's own norm, which does not change the order of its distances.
        distances = torch.addmm(half_norms, x[rows], x.T, alpha=-1)
        own = torch.arange(rows.start, rows.stop, device=x.device)
        distances[own - start, own] = torch.inf
        found[rows] = distances.topk(k, dim=1, largest=False).indices
    return found


def nearest_strangers(
    x: Float[Tensor, "rows features"],
    block: Int[Tensor, " rows"],
    asked: Int[Tensor, " asked"],
    k: int,
    *,
    block_entries: int = BLOCK_ENTRIES,
) -> Int[Tensor, "asked k"]:
    """Indices of the nearest rows that lie in another block, the nearest first.

    Arguments:
        x: Points.
        block: Block of each row; there are two at least.
        asked: Rows whose strangers are wanted.
        k: Number of strangers; fewer, if a block leaves no more.
        block_entries: How many distances to hold at once.

    Raises:
        ValueError: If all rows lie in one block, or `k` is not positive.

    Examples:
        >>> x, block = torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([0, 0, 1])
        >>> nearest_strangers(x, block, torch.tensor([0, 2]), 1).tolist()
        [[2], [1]]
    """
    largest = int(block.unique(return_counts=True)[1].max())
    if largest == len(x):
        raise ValueError("`block` must have two different values at least, got one.")
    if k < 1:
        raise ValueError(f"`k` must be at least 1, got {k}.")
    x, k = x - x.mean(0), min(k, len(x) - largest)
    half_norms = x.square().sum(1) / 2
    found = torch.empty(len(asked), k, dtype=torch.long, device=x.device)
    for one in block[asked].unique():
        others = torch.where(block != one)[0]
        places = torch.where(block[asked] == one)[0]
        for part in places.split(max(1, block_entries // len(others))):
            rows = x[asked[part]]
            distances = torch.addmm(half_norms[others], rows, x[others].T, alpha=-1)
            found[part] = others[distances.topk(k, dim=1, largest=False).indices]
    return found


def principal_coordinates(
    x: Float[Tensor, "rows features"], count: int
) -> Float[Tensor, "rows coordinates"]:
    """Coordinates along the `count` directions of greatest variance (all, if there are fewer).

    Source: Pearson 1901; by the eigenvectors of the covariance, in double precision.
    """
    mean = x.mean(0)
    moment = torch.zeros(x.shape[1], x.shape[1], dtype=torch.float64, device=x.device)
    for block in x.split(8192):
        centred = block - mean
        moment += (centred.T @ centred).double()
    directions = torch.linalg.eigh(moment).eigenvectors.flip(1)[:, :count].to(x)
    return (x - mean) @ directions


def edge_table(
    a: Int[Tensor, " rows"],
    b: Int[Tensor, " rows"],
    neighbours: Int[Tensor, "rows k"],
    sizes: tuple[int, int],
) -> Float[Tensor, "clusters_a clusters_b"]:
    """Share of neighbour edges that lead from each cluster of `a` to each cluster of `b`.

    Arguments:
        a: Cluster of each row as the start of an edge.
        b: Cluster of each row as its end.
        neighbours: Ends of the edges of each row.
        sizes: Numbers of clusters in `a` and `b`.

    Examples:
        >>> cluster = torch.tensor([0, 0, 1])
        >>> edge_table(cluster, cluster, torch.tensor([[1], [0], [1]]), (2, 2)).tolist()
        [[0.6666666666666666, 0.0], [0.3333333333333333, 0.0]]
    """
    pair = a.unsqueeze(1) * sizes[1] + b[neighbours]
    counts = torch.bincount(pair.flatten(), minlength=sizes[0] * sizes[1])
    return counts.view(sizes).double() / pair.numel()
