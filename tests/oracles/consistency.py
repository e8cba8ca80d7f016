r"""Oracles of the consistency option (``spec/nvc.md`` sections 4b, 4c): slow loops over floats.

Written from the note and from Ji et al., IIC, ICCV 2019, not from the library.

=========================  ==============================================================
definition                 function
=========================  ==============================================================
P = sym(mean p' p''^T)     `joint`
I(P)                       `mutual_information`, `agreement`
nearest rows               `nearest_rows`
share of edges a -> b      `edge_table`
best partition             `best_partition` (every one is tried)
=========================  ==============================================================
"""

import itertools
import math

Table = list[list[float]]


def joint(p: Table, q: Table) -> Table:
    """Section 4b: the mean of the outer products, averaged with its transpose."""
    size = len(p[0])
    return [
        [
            math.fsum(a[i] * b[j] + a[j] * b[i] for a, b in zip(p, q, strict=True)) / (2 * len(p))
            for j in range(size)
        ]
        for i in range(size)
    ]


def mutual_information(table: Table) -> float:
    """Sum of P_ij ln(P_ij / (P_i P_j)); what never occurs adds nothing."""
    rows = [math.fsum(row) for row in table]
    columns = [math.fsum(column) for column in zip(*table, strict=True)]
    return math.fsum(
        value * math.log(value / (rows[i] * columns[j]))
        for i, row in enumerate(table)
        for j, value in enumerate(row)
        if value > 0
    )


def agreement(p: Table, q: Table) -> float:
    """Mutual information of the assignments of two views, in nats."""
    return mutual_information(joint(p, q))


def nearest_rows(x: Table, k: int) -> list[list[int]]:
    """Other rows by rising distance, the lowest index first in a tie."""
    found = []
    for n, row in enumerate(x):
        others = [
            (math.fsum((u - v) ** 2 for u, v in zip(row, other, strict=True)), j)
            for j, other in enumerate(x)
            if j != n
        ]
        found.append([j for _, j in sorted(others)[:k]])
    return found


def edge_table(a: list[int], b: list[int], neighbours: list[list[int]], m: int) -> Table:
    """Share of the edges n -> j whose ends have the clusters a_n and b_j."""
    table = [[0.0] * m for _ in range(m)]
    count = sum(len(ends) for ends in neighbours)
    for start, ends in enumerate(neighbours):
        for end in ends:
            table[a[start]][b[end]] += 1 / count
    return table


def merged(table: Table, group: tuple[int, ...], num_groups: int) -> Table:
    """The table of groups of clusters."""
    out = [[0.0] * num_groups for _ in range(num_groups)]
    for a, row in enumerate(table):
        for b, value in enumerate(row):
            out[group[a]][group[b]] += value
    return out


def best_partition(table: Table, num_groups: int) -> float:
    """Largest information of all partitions into exactly `num_groups` groups."""
    total = math.fsum(map(math.fsum, table))
    even = [
        [(table[i][j] + table[j][i]) / (2 * total) for j in range(len(table))]
        for i in range(len(table))
    ]
    return max(
        mutual_information(merged(even, group, num_groups))
        for group in itertools.product(range(num_groups), repeat=len(table))
        if len(set(group)) == num_groups
    )
