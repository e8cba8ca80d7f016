r"""Oracle of ParAE: Eckart et al. 2021, Eq. (4)-(10), in loops over floats.

A cloud is a list of points, ``scores[i][j]`` the logit of point i and component j. `noise` is the
one thing that the paper does not have: a variance added to the diagonal of every covariance.
"""

import math

from oracles.baselines import softmax
from oracles.nvc import Vector, Vectors, log_sum_exp

Matrix = Vectors


def partition(scores: Vectors) -> Vectors:
    """Eq. (4): the posterior of each point's component."""
    return [softmax(row) for row in scores]


def parameters(
    points: Vectors, scores: Vectors, noise: float
) -> tuple[Vector, Vectors, list[Matrix]]:
    """Eq. (5)-(7): pi, mu and Sigma of every component, `noise` on the diagonal."""
    gamma = partition(scores)
    count, size = len(points), len(points[0])
    weights: Vector = []
    means: Vectors = []
    covariances: list[Matrix] = []
    for j in range(len(scores[0])):
        weight = sum(row[j] for row in gamma) / count
        mean = [
            sum(gamma[i][j] * points[i][d] for i in range(count)) / (count * weight)
            for d in range(size)
        ]
        covariance = [[0.0] * size for _ in range(size)]
        for d in range(size):
            for e in range(size):
                for i in range(count):
                    offset = (points[i][d] - mean[d]) * (points[i][e] - mean[e])
                    covariance[d][e] += gamma[i][j] * offset / (count * weight)
            covariance[d][d] += noise
        weights.append(weight)
        means.append(mean)
        covariances.append(covariance)
    return weights, means, covariances


def noise_variance(points: Vectors, noise: float) -> float:
    """Our reading: a share of the mean squared distance of the points from their mean."""
    size = len(points[0])
    centre = [sum(point[d] for point in points) / len(points) for d in range(size)]
    squares = [sum((point[d] - centre[d]) ** 2 for d in range(size)) for point in points]
    return noise**2 * max(sum(squares) / len(points), 1e-12)


def determinant(m: Matrix) -> float:
    """Of a 3 x 3 matrix, by its first row."""
    return (
        m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
        - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
        + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    )


def quadratic(m: Matrix, v: Vector) -> float:
    """The form v M^-1 v of a 3 x 3 matrix, by Cramer's rule."""
    whole = determinant(m)
    total = 0.0
    for d in range(3):
        replaced = [[v[row] if col == d else m[row][col] for col in range(3)] for row in range(3)]
        total += v[d] * determinant(replaced) / whole
    return total


def log_density(point: Vector, weights: Vector, means: Vectors, covariances: list[Matrix]) -> float:
    """Log of the sum in Eq. (10), for one point."""
    parts = []
    for weight, mean, covariance in zip(weights, means, covariances, strict=True):
        offset = [p - m for p, m in zip(point, mean, strict=True)]
        norm = 3 * math.log(2 * math.pi) + math.log(determinant(covariance))
        parts.append(math.log(weight) - 0.5 * (quadratic(covariance, offset) + norm))
    return log_sum_exp(parts)


def nll(points: Vectors, scores: Vectors, noise: float) -> float:
    """Eq. (10) divided by the number of points."""
    theta = parameters(points, scores, noise_variance(points, noise))
    return -sum(log_density(point, *theta) for point in points) / len(points)
