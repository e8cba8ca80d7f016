r"""Oracles of the geometry of clouds: slow loops over floats, one cloud at a time.

Written from the definitions (``spec/hosts.md`` section 2, ``spec/volume.md`` sections 2 and 2.1),
not from the library.

==============================================  ====================================
definition                                      function
==============================================  ====================================
k nearest, equal distances by index             `nearest_points`
first n with d² <= r², padded by the first      `ball_points`
farthest-point sampling, distinct               `farthest_points`
Chamfer, from the words of a convention         `chamfer`
least mean distance (every bijection tried)     `earth_mover`
precision, recall, harmonic mean                `f_score`
==============================================  ====================================
"""

import itertools
import math

Cloud = list[list[float]]


def squared(a: list[float], b: list[float]) -> float:
    """Squared distance of two points."""
    return math.fsum((u - v) ** 2 for u, v in zip(a, b, strict=True))


def nearest_points(query: Cloud, points: Cloud, k: int) -> list[list[tuple[float, int]]]:
    """Squared distance and index of the `k` nearest points of each query."""
    return [sorted((squared(q, p), i) for i, p in enumerate(points))[:k] for q in query]


def ball_points(query: Cloud, points: Cloud, radius: float, k: int) -> list[list[int]]:
    """PointNet++'s grouping; an empty ball has the nearest point."""
    groups = []
    for q in query:
        inside = [i for i, p in enumerate(points) if squared(q, p) <= radius * radius][:k]
        inside = inside or [min(range(len(points)), key=lambda i: squared(q, points[i]))]
        groups.append(inside + inside[:1] * (k - len(inside)))
    return groups


def farthest_points(points: Cloud, count: int, start: int) -> list[int]:
    """Picks in order; a picked point is not picked again."""
    picks = [start]
    while len(picks) < count:
        left = [i for i in range(len(points)) if i not in picks]
        picks.append(
            max(left, key=lambda i: (min(squared(points[i], points[j]) for j in picks), -i))
        )
    return picks


def chamfer(x: Cloud, y: Cloud, power: int, points: str, directions: str) -> float:
    """The two directions of nearest distances to a power, and what becomes of them."""
    sides = []
    for a, b in ((x, y), (y, x)):
        near = [min(math.sqrt(squared(p, q)) for q in b) ** power for p in a]
        sides.append(math.fsum(near) / (len(near) if points == "mean" else 1))
    return {"sum": sum(sides), "mean": sum(sides) / 2, "max": max(sides)}[directions]


def earth_mover(x: Cloud, y: Cloud) -> float:
    """PointMixup, Eq. (3)-(4)."""
    return min(
        math.fsum(math.sqrt(squared(p, y[j])) for p, j in zip(x, order, strict=True)) / len(x)
        for order in itertools.permutations(range(len(y)))
    )


def f_score(x: Cloud, y: Cloud, threshold: float) -> tuple[float, float, float]:
    """Score, precision, recall."""
    precision, recall = (
        sum(any(math.sqrt(squared(p, q)) <= threshold for q in b) for p in a) / len(a)
        for a, b in ((x, y), (y, x))
    )
    both = precision + recall
    return (2 * precision * recall / both if both else 0.0), precision, recall
