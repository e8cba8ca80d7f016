"""The surface of cells is closed, and its solid is the cells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.ops.voxel_surfaces import cell_surface
from nebulatent.ops.voxels import Grid, voxelise


@given(st.integers(0, 10**6), st.floats(0.05, 1.0))
def test_the_solid_of_the_surface_is_the_cells(seed: int, filled: float) -> None:
    rng = np.random.default_rng(seed)
    cells, grid = rng.random((5, 5, 5)) < filled, Grid(5, 1.1, (0.2, 0.0, -0.1))
    cells[0, 0, 0] = True
    points, triangles = cell_surface(cells, grid)
    found = voxelise(points, triangles, grid)
    assert found.closed and np.array_equal(found.cells, cells)
    a, b, c = points[triangles].transpose(1, 0, 2)
    volume = np.einsum("ti,ti->t", a, np.cross(b, c)).sum() / 6
    assert volume == pytest.approx(cells.sum() * grid.cell**3)  # all faces look outwards


def test_no_cells_and_other_grids() -> None:
    points, triangles = cell_surface(np.zeros((3, 3, 3), bool), Grid(3))
    assert points.shape == (0, 3) and triangles.shape == (0, 3)
    with pytest.raises(ValueError, match=r"must be 4 along each axis, as the grid has, got \[3"):
        cell_surface(np.zeros((3, 3, 3), bool), Grid(4))
