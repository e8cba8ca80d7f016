"""Touched cells against clipping each triangle by each cell, corner by corner."""

import numpy as np
import pytest

from nebulatent.ops import touched_cells as module
from nebulatent.ops.touched_cells import touched_cells

SIZE = 5


def clipped(polygon: list[list[float]], low: list[int]) -> list[list[float]]:
    """Sutherland and Hodgman, by the six faces of a unit cell."""
    for axis in range(3):
        for sign, level in ((1, low[axis]), (-1, -low[axis] - 1)):
            kept = []
            for k, end in enumerate(polygon):
                start = polygon[k - 1]
                before, after = sign * start[axis] - level, sign * end[axis] - level
                if (before < 0) != (after < 0):
                    t = before / (before - after)
                    kept.append([p + t * (q - p) for p, q in zip(start, end, strict=True)])
                if after >= 0:
                    kept.append(end)
            polygon = kept
    return polygon


@pytest.mark.parametrize("budget", [3, 1 << 15])
def test_touched_cells_are_those_a_triangle_can_be_clipped_to(
    budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUDGET", budget)
    rng = np.random.default_rng(0)
    triangles = rng.uniform(-1, 6, (10, 3, 3))
    triangles[5:] = triangles[5:, :1] + rng.normal(size=(5, 3, 3)) * 0.6
    triangles[7, 2] = triangles[7, 1]  # a line
    for corners in triangles:
        expected = np.zeros((SIZE,) * 3, dtype=bool)
        for cell in np.ndindex(expected.shape):
            expected[cell] = bool(clipped(corners.tolist(), list(cell)))
        assert np.array_equal(touched_cells(corners[None], np.zeros(3), 1.0, SIZE), expected)


def test_a_face_between_cells_touches_both() -> None:
    square = np.array([[[1.2, 1.2, 2.0], [1.8, 1.2, 2.0], [1.2, 1.8, 2.0]]])
    found = touched_cells(square, np.zeros(3), 1.0, SIZE)
    assert np.argwhere(found).tolist() == [[1, 1, 1], [1, 1, 2]]


def test_frame_and_far_triangles() -> None:
    point = np.full((1, 3, 3), 7.0)
    found = touched_cells(point, np.array([5.5, 6.0, 6.9]), 0.5, SIZE)
    assert np.argwhere(found).tolist() == [[2, 1, 0], [2, 2, 0], [3, 1, 0], [3, 2, 0]]
    assert not touched_cells(point + 100, np.zeros(3), 1.0, SIZE).any()
