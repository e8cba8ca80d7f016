r"""Merge many small clusters into few, so that the few tell most of one another's neighbours.

Given how often a pair of small clusters occurs together, a joint distribution :math:`P_{ab}`, find
the partition :math:`g` into :math:`m` groups whose merged table has the largest mutual information

.. math:: \max_g I(P^g), \qquad P^g_{ij} = \sum_{a: g(a) = i} \sum_{b: g(b) = j} P_{ab}

It is found by agglomeration (merge the pair that loses least) down to several numbers of blocks;
from each, blocks are spread over the groups at random and moved while that helps, then the smaller
blocks inside them, at last single clusters; the best result counts. Blocks matter: a handful of
clusters that belong together (one way of writing a seven, say) have most edges among themselves, so
that none of them gains by leaving the others, however wrong the group they are in. With
:math:`f(x) = x \ln x` and a symmetric table,
:math:`I = \sum_{ij} f(P_{ij}) - 2 \sum_i f(P_i)`, of which a move changes two rows.

Source: Slonim & Tishby, Agglomerative Information Bottleneck, 1999; Slonim, Friedman, Tishby,
Unsupervised Document Classification using Sequential Information Maximization, 2002 (the moves).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int


class Partition(NamedTuple):
    """Groups of clusters and what they are worth.

    Arguments:
        group: Group of each cluster.
        information: Mutual information of the merged table, in nats.
    """

    group: Int[np.ndarray, " clusters"]
    information: float


def merge_clusters(
    table: Float[np.ndarray, "clusters clusters"],
    num_groups: int,
    *,
    seed: int = 0,
    num_starts: int = 20,
) -> Partition:
    """The best partition of clusters into `num_groups` groups that was found.

    Arguments:
        table: How often two clusters occur together; any non-negative numbers.
        num_groups: Number of groups.
        seed: Fixes the random starts.
        num_starts: Random starts beside the agglomeration.

    Raises:
        ValueError: If there are fewer clusters than groups, or the table is empty.

    Examples:
        >>> merge_clusters(np.array([[2, 1, 0], [1, 2, 0], [0, 0, 3.0]]), 2).group.tolist()
        [0, 0, 1]
    """
    if not 1 <= num_groups <= len(table):
        raise ValueError(
            f"`num_groups` must lie in 1..{len(table)} for {len(table)} clusters, got {num_groups}."
        )
    if not table.sum() > 0:
        raise ValueError("`table` must have a positive sum, got an empty table.")
    joint = (table + table.T) / (2 * table.sum())
    rng = np.random.default_rng(seed)
    levels = _levels(joint, num_groups)
    found: list[Partition] = []
    for _ in range(num_starts):
        coarse = int(rng.integers(len(levels)))
        size = int(levels[coarse].max()) + 1
        start = _random_start(size, num_groups, rng)[levels[coarse]]
        found.append(_refine(joint, levels[: coarse + 1], start, num_groups, rng))
    found.append(_refine(joint, levels, levels[-1], num_groups, rng))
    best = max(found, key=lambda partition: partition.information)
    _, first = np.unique(best.group, return_index=True)  # number the groups as they appear
    return best._replace(group=np.searchsorted(np.sort(first), first[best.group]))


def _levels(
    joint: Float[np.ndarray, "clusters clusters"], num_groups: int
) -> list[Int[np.ndarray, " clusters"]]:
    """Block of each cluster, from every cluster alone to as many blocks as groups."""
    levels = [np.arange(len(joint))]
    while (size := int(levels[-1].max()) + 1) > num_groups:
        blocks = _merged(joint, levels[-1], size)
        smaller = max(num_groups, int(size / 1.5))
        levels.append(agglomerate(blocks, smaller)[levels[-1]])
    return levels


def _refine(
    joint: Float[np.ndarray, "clusters clusters"],
    levels: list[Int[np.ndarray, " clusters"]],
    group: Int[np.ndarray, " clusters"],
    num_groups: int,
    rng: np.random.Generator,
) -> Partition:
    """Move blocks while that helps, the largest first, then smaller ones, then single clusters."""
    best = Partition(group, information(_merged(joint, group, num_groups)))
    for level in reversed(levels):
        size = int(level.max()) + 1
        of_block = np.zeros(size, dtype=np.intp)
        of_block[level] = best.group  # every block lies within one group
        moved = _move_clusters(_merged(joint, level, size), of_block, num_groups, rng)
        best = Partition(moved.group[level], moved.information)
    return best


def _merged(
    joint: Float[np.ndarray, "clusters clusters"], group: Int[np.ndarray, " clusters"], size: int
) -> Float[np.ndarray, "groups groups"]:
    member = np.eye(size)[group]
    return member.T @ joint @ member


def agglomerate(
    joint: Float[np.ndarray, "clusters clusters"], num_groups: int
) -> Int[np.ndarray, " clusters"]:
    """Merge the pair of clusters that loses least information, until `num_groups` are left."""
    group, joint = np.arange(len(joint)), joint.copy()
    overlap = np.stack([_overlaps(joint, row) for row in joint])
    while len(joint) > num_groups:
        a, b = np.unravel_index(np.argmin(_losses(joint, overlap)), joint.shape)
        keep, drop = int(min(a, b)), int(max(a, b))
        overlap -= _column(joint[keep]) + _column(joint[drop])  # two columns become one
        joint[keep] += joint[drop]
        overlap += _column(joint[keep])
        joint[:, keep] += joint[:, drop]
        joint = np.delete(np.delete(joint, drop, 0), drop, 1)
        overlap = np.delete(np.delete(overlap, drop, 0), drop, 1)
        overlap[keep] = overlap[:, keep] = _overlaps(joint, joint[keep])
        group[group == drop] = keep
        group[group > drop] -= 1
    return group


def _overlaps(
    joint: Float[np.ndarray, "groups groups"], row: Float[np.ndarray, " groups"]
) -> Float[np.ndarray, " groups"]:
    r""":math:`\sum_c f(P_{ac} + P_{bc}) - f(P_{ac}) - f(P_{bc})` of a row a and each row b."""
    return (_xlogx(joint + row) - _xlogx(joint)).sum(1) - _xlogx(row).sum()


def _column(column: Float[np.ndarray, " groups"]) -> Float[np.ndarray, "groups groups"]:
    """What one column adds to the overlap of each pair of rows."""
    own = _xlogx(column)
    return _xlogx(column + column[:, None]) - own - own[:, None]


def _losses(
    joint: Float[np.ndarray, "groups groups"], overlap: Float[np.ndarray, "groups groups"]
) -> Float[np.ndarray, "groups groups"]:
    """Information lost by merging each pair of groups; infinite on and below the diagonal."""
    rows, marginal, own = _xlogx(joint), joint.sum(1), joint.diagonal()
    # Columns a and b of the two rows are added too: correct what was counted as off-diagonal.
    change = overlap - (_xlogx(joint + own) + _xlogx(joint + own[:, None]) - 2 * rows)
    change += rows.diagonal() + rows.diagonal()[:, None]
    square = _xlogx(own + own[:, None] + 2 * joint)
    square -= rows.diagonal() + rows.diagonal()[:, None] + 2 * rows
    change = 2 * change + square
    change -= 2 * (_xlogx(marginal + marginal[:, None]) - _xlogx(marginal)[:, None])
    change += 2 * _xlogx(marginal)
    return np.where(np.triu(np.ones_like(joint, dtype=bool), 1), -change, np.inf)


def _random_start(
    num_clusters: int, num_groups: int, rng: np.random.Generator
) -> Int[np.ndarray, " clusters"]:
    """Random groups, none of them empty."""
    group = rng.integers(0, num_groups, num_clusters)
    group[rng.permutation(num_clusters)[:num_groups]] = np.arange(num_groups)
    return group


def _move_clusters(
    joint: Float[np.ndarray, "clusters clusters"],
    group: Int[np.ndarray, " clusters"],
    num_groups: int,
    rng: np.random.Generator,
) -> Partition:
    """Move one cluster at a time to the group where it is worth most, until none moves."""
    group, weight = group.copy(), joint.sum(1)
    member = np.eye(num_groups)[group]
    table = _merged(joint, group, num_groups)
    moved = True
    while moved:
        moved = False
        for cluster in rng.permutation(len(joint)):
            old = int(group[cluster])
            if (group == old).sum() == 1:
                continue  # a group is never emptied
            member[cluster], own = 0, float(joint[cluster, cluster])
            links = joint[cluster] @ member
            _add(table, old, -links, -own)
            gains = _gains(table, links, own, weight[cluster])
            new = int(gains.argmax())
            new = new if gains[new] > gains[old] + 1e-12 else old
            _add(table, new, links, own)
            member[cluster, new], group[cluster] = 1, new
            moved = moved or new != old
    return Partition(group, information(table))


def _add(
    table: Float[np.ndarray, "groups groups"],
    group: int,
    links: Float[np.ndarray, " groups"],
    own: float,
) -> None:
    """Add a cluster with these links to other groups (and to itself) to a group, in place."""
    table[group] += links
    table[:, group] += links
    table[group, group] += own
    np.maximum(table, 0, out=table)  # rounding, when a cluster is taken out


def _gains(
    table: Float[np.ndarray, "groups groups"],
    links: Float[np.ndarray, " groups"],
    own: float,
    weight: float,
) -> Float[np.ndarray, " groups"]:
    """Information gained by adding a cluster to each group, up to a constant."""
    diagonal, marginal = table.diagonal(), table.sum(1) + links
    rows = _xlogx(table + links) - _xlogx(table)
    rows = 2 * (rows.sum(1) - rows.diagonal())
    square = _xlogx(diagonal + 2 * links + own) - _xlogx(diagonal)
    return rows + square - 2 * (_xlogx(marginal + weight) - _xlogx(marginal))


def information(table: Float[np.ndarray, "rows columns"]) -> float:
    """Mutual information of the two indices of a table of probabilities, in nats."""
    return float(_xlogx(table).sum() - _xlogx(table.sum(0)).sum() - _xlogx(table.sum(1)).sum())


def _xlogx(x: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    return x * np.log(np.maximum(x, 1e-300))
