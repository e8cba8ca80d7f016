"""Surfaces of a level: closed, outward, exact for linear functions, of the right shape."""

import math
from collections import Counter

import numpy as np
import pytest

from nebulatent.ops.level_surfaces import level_surface

LOW, HIGH = np.full(3, -1.0), np.full(3, 1.0)


def grid(*sizes: int, low: np.ndarray = LOW, high: np.ndarray = HIGH) -> np.ndarray:
    """Places of the nodes."""
    axes = [np.linspace(a, b, n) for a, b, n in zip(low, high, sizes, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def volume(points: np.ndarray, triangles: np.ndarray) -> float:
    """Of the solid that a closed mesh bounds, positive if its normals point out."""
    a, b, c = points[triangles].transpose(1, 0, 2)
    return float(np.einsum("ti,ti->", a, np.cross(b, c)) / 6)


def is_closed(triangles: np.ndarray) -> bool:
    """Whether every edge is passed once in each direction."""
    passed = Counter(
        (int(a), int(b)) for t in triangles for a, b in zip(t, np.roll(t, -1), strict=True)
    )
    return all(passed[b, a] == n == 1 for (a, b), n in passed.items())


def characteristic(points: np.ndarray, triangles: np.ndarray) -> int:
    """Points less edges plus triangles, of a closed mesh: 2 of a ball, 0 of a ring."""
    return len(points) - 3 * len(triangles) // 2 + len(triangles)


def test_a_ball_has_its_radius_its_volume_and_no_holes() -> None:
    place = grid(24, 21, 27)
    points, triangles = level_surface(-np.linalg.norm(place, axis=-1), -0.7, low=LOW, high=HIGH)
    assert np.abs(np.linalg.norm(points, axis=1) - 0.7).max() < 0.1**2
    assert is_closed(triangles) and characteristic(points, triangles) == 2
    assert volume(points, triangles) == pytest.approx(4 / 3 * math.pi * 0.7**3, rel=0.02)


def test_a_ring_has_one_hole_and_two_balls_are_two() -> None:
    place = grid(25, 25, 25)
    x, y, z = np.moveaxis(place, -1, 0)
    ring = 0.2 - np.hypot(np.hypot(x, y) - 0.6, z)
    points, triangles = level_surface(ring, 0.0, low=LOW, high=HIGH)
    assert is_closed(triangles) and characteristic(points, triangles) == 0
    two = 0.3 - np.minimum(np.hypot(np.hypot(x - 0.5, y), z), np.hypot(np.hypot(x + 0.5, y), z))
    points, triangles = level_surface(two, 0.0, low=LOW, high=HIGH)
    assert is_closed(triangles) and characteristic(points, triangles) == 4


def test_planes_are_exact_in_any_box() -> None:
    low, high = np.array([1.0, -2.0, 0.5]), np.array([2.0, 4.0, 1.0])
    normal = np.array([0.3, -0.5, 0.8])
    values = grid(5, 7, 4, low=low, high=high) @ normal
    points, triangles = level_surface(values, 0.9, low=low, high=high)
    np.testing.assert_allclose(points @ normal, 0.9, atol=1e-12)
    a, b, c = points[triangles].transpose(1, 0, 2)
    area = np.cross(b - a, c - a)
    assert (area @ normal <= 1e-12).all()  # out is where values are lower
    assert not is_closed(triangles)


def test_random_values_give_a_closed_surface_with_the_nodes_above_inside() -> None:
    values = np.random.default_rng(0).normal(size=(7, 6, 8))
    values[[0, -1]] = values[:, [0, -1]] = values[:, :, [0, -1]] = -1.0
    points, triangles = level_surface(values, 0.3, low=LOW, high=HIGH)
    assert is_closed(triangles) and volume(points, triangles) > 0
    assert (points.min(0) >= LOW).all() and (points.max(0) <= HIGH).all()
    below = level_surface(-values, -0.3, low=LOW, high=HIGH)
    assert volume(*below) == pytest.approx(-volume(points, triangles))


def test_levels_that_no_value_reaches_or_that_equal_values_are_no_error() -> None:
    values = np.zeros((3, 3, 3))
    for level in (1.0, -1.0, 0.0):
        points, triangles = level_surface(values, level, low=LOW, high=HIGH)
        assert points.shape == (0, 3) and triangles.shape == (0, 3)
    values[1, 1, 1] = 1.0
    points, triangles = level_surface(values, 0.0, low=LOW, high=HIGH)
    assert np.isfinite(points).all() and is_closed(triangles)


def test_what_is_no_grid_of_numbers_is_refused() -> None:
    with pytest.raises(ValueError, match=r"two or more along each axis.*got \(1, 3, 3\)"):
        level_surface(np.zeros((1, 3, 3)), 0.0, low=LOW, high=HIGH)
    with pytest.raises(ValueError, match="from `low` up to `high`"):
        level_surface(np.zeros((3, 3, 3)), 0.0, low=HIGH, high=LOW)
    with pytest.raises(ValueError, match="must be finite, got NaN or infinity"):
        level_surface(np.full((3, 3, 3), np.nan), 0.0, low=LOW, high=HIGH)
