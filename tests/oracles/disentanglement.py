"""MIG, SAP and DCI as their papers write them, with loops over samples, bins and tables."""

import math
from collections import Counter

Column = list[float]


def bins(values: Column, count: int = 20) -> list[int]:
    """The bin of each value among bins of equal width; the last one holds the largest value."""
    low, high = min(values), max(values)
    return [min(int((value - low) * count / (high - low)), count - 1) for value in values]


def entropy(levels: list[int]) -> float:
    """In nats, of the levels' shares."""
    total = 0.0
    for count in Counter(levels).values():
        total -= count / len(levels) * math.log(count / len(levels))
    return total


def information(a: list[int], b: list[int]) -> float:
    """Mutual information of two columns of levels, in nats."""
    pairs, first, second, n = Counter(zip(a, b, strict=True)), Counter(a), Counter(b), len(a)
    total = 0.0
    for (x, y), count in pairs.items():
        total += count / n * math.log(count * n / (first[x] * second[y]))
    return total


def mig(components: list[Column], factors: list[list[int]]) -> float:
    """Eq. (6) of Chen et al., for factors that are categories."""
    total = 0.0
    for factor in factors:
        found = sorted(information(bins(column), factor) for column in components)
        total += (found[-1] - found[-2]) / entropy(factor)
    return total / len(factors)


def r_squared(a: Column, b: Column) -> float:
    """Squared correlation."""
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    cross = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    own = sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)
    return cross**2 / own


def sap(components: list[Column], factors: list[Column]) -> float:
    """Section 3 of Kumar et al., for quantities."""
    total = 0.0
    for factor in factors:
        found = sorted(r_squared(column, factor) for column in components)
        total += found[-1] - found[-2]
    return total / len(factors)


def best_threshold(column: Column, label: list[int]) -> float:
    """Best balanced accuracy of one threshold for two categories, adjusted so that chance is 0."""
    best = 0.0
    for cut in column:
        hits = [
            [value >= cut for value, own in zip(column, label, strict=True) if own == c]
            for c in (0, 1)
        ]
        share = [sum(one) / len(one) for one in hits]
        best = max(best, abs(share[1] - share[0]))  # 2 (accuracy - 1/2), either side up
    return best


def focus(shares: list[float]) -> float:
    """1 less the entropy to the base of their number."""
    total = sum(shares)
    spread = -sum(x / total * math.log(x / total, len(shares)) for x in shares if x > 0)
    return 1 - spread


def dci(table: list[list[float]]) -> tuple[float, float]:
    """Disentanglement and completeness of importances, components × factors."""
    whole = sum(map(sum, table))
    disentangled = sum(sum(row) / whole * focus(row) for row in table if sum(row) > 0)
    columns = [list(column) for column in zip(*table, strict=True)]
    return disentangled, sum(map(focus, columns)) / len(columns)
