"""Every sample belongs to exactly one triangle of a tiling, wherever corners and edges fall."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import Delaunay

from nebulatent.ops import scan_lines
from nebulatent.ops.scan_lines import Samples, scan_triangles

GRID = Samples(0.0, 1.0, 12)


def count_signs(corners: np.ndarray) -> np.ndarray:
    total = np.zeros((12, 12), dtype=int)
    for found in scan_triangles(corners, GRID, GRID):
        np.add.at(total, (found.row, found.column), found.sign)
    return total


@given(st.integers(0, 10**6), st.sampled_from([1.0, 0.5, 1e-3]))
def test_triangles_that_tile_the_plane_cover_each_sample_once(seed: int, unit: float) -> None:
    """Corners on samples, on rows and columns, and nearly so."""
    rng = np.random.default_rng(seed)
    inner = np.round(rng.uniform(0, 11, (25, 2)) / unit) * unit
    inner[:3] += 1e-16
    points = np.concatenate([inner, [[-3, -3], [15, -3], [-3, 15], [15, 15]]])
    corners = np.zeros((len(tiles := Delaunay(points).simplices), 3, 3))
    corners[..., :2] = points[tiles]
    a, b, c = corners.transpose(1, 0, 2)
    clockwise = np.cross(b - a, c - a)[:, 2] < 0
    corners[clockwise] = corners[clockwise, ::-1]
    assert (count_signs(corners) == 1).all()
    assert (count_signs(corners[:, ::-1]) == -1).all()


@given(st.integers(0, 10**6))
def test_a_closed_surface_is_met_as_often_from_above_as_from_below(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = np.round(rng.uniform(-2, 13, (4, 4, 3)) * 2) / 2
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    corners = np.concatenate([tetrahedron[faces] for tetrahedron in points])
    assert (count_signs(corners) == 0).all()


def test_heights_are_those_of_the_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_lines, "BUDGET", 7)  # many portions
    rng = np.random.default_rng(0)
    corners = rng.uniform(-1, 12, (30, 3, 3))
    corners[..., 2] = 0.3 * corners[..., 0] - 0.7 * corners[..., 1] + 2
    parts = list(scan_triangles(corners, GRID, GRID))
    assert len(parts) > 5
    for found in parts:
        expected = 0.3 * found.column - 0.7 * found.row + 2
        np.testing.assert_allclose(found.height, expected, atol=1e-9)


def test_a_sample_at_a_place_is_not_below_it() -> None:
    places = np.array([-5.0, 0.0, 0.1, 1.0, 11.0, 11.5, 1e300])
    assert GRID.below(places).tolist() == [0, 0, 1, 1, 11, 12, 12]


def test_slivers_and_points_are_no_trouble() -> None:
    corners = np.array(
        [
            [[0, 0, 0], [11, 0, 0], [5, 0, 0]],  # on a row
            [[3, 0, 0], [3, 11, 0], [3, 5, 0]],  # on a column
            [[4, 4, 0], [4, 4, 0], [4, 4, 0]],
            [[0, 0, 0], [11, 11, 0], [11, 11 + 1e-15, 0]],
        ],
        dtype=float,
    )
    assert np.abs(count_signs(corners)).sum() <= 12
    assert not list(scan_triangles(corners[:0], GRID, GRID))
