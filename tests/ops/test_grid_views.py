"""Pictures of grids: where they are dark, that size is kept, that turning a grid turns the ring."""

import numpy as np
import pytest

from nebulatent.ops.grid_views import SIDE, Views, grid_views, mesh_views
from nebulatent.ops.voxel_surfaces import cell_surface
from nebulatent.ops.voxels import Grid

VIEWS = Views(number=4, size=24)


def block(*cells: slice) -> np.ndarray:
    grid = np.zeros((12, 12, 12), bool)
    grid[cells] = True
    return grid


def test_a_grid_turned_by_a_quarter_is_what_the_next_camera_saw() -> None:
    grid = block(slice(2, 9), slice(3, 6), slice(1, 11)) | block(slice(0, 3), slice(4, 8), slice(5))
    views = grid_views(grid, VIEWS)
    turned = grid_views(np.rot90(grid, axes=(0, 1)).copy(), VIEWS)  # counter-clockwise from above
    difference = np.abs(np.roll(views, 1, axis=0).astype(int) - turned)
    assert (difference > 1).mean() < 0.01  # edges that fall on a sample
    assert np.abs(views[0].astype(int) - turned[0]).max() > 50


def test_every_filled_grid_is_in_view_whole_and_larger_ones_are_larger() -> None:
    full = grid_views(np.ones((12, 12, 12), bool), VIEWS)
    border = np.concatenate([full[:, 0], full[:, -1], full[:, :, 0], full[:, :, -1]], axis=1)
    assert (border == 255).all()
    small = grid_views(block(*[slice(4, 8)] * 3), VIEWS)
    assert 0 < (small < 255).sum() < 0.25 * (full < 255).sum()


def test_an_empty_grid_is_white_and_the_same_grid_gives_the_same_bits() -> None:
    assert (grid_views(block(slice(0)), VIEWS) == 255).all()
    grid = block(*[slice(3, 9)] * 3)
    assert np.array_equal(grid_views(grid, VIEWS), grid_views(grid.copy(), VIEWS))
    assert np.array_equal(
        mesh_views(*cell_surface(grid, Grid(12, SIDE)), VIEWS), grid_views(grid, VIEWS)
    )


def test_what_cannot_be_seen_is_refused() -> None:
    with pytest.raises(ValueError, match="`cells` must be 12 along each axis"):
        grid_views(np.ones((12, 12, 11), bool), VIEWS)
    with pytest.raises(ValueError, match="`count` must be at least 1"):
        grid_views(block(), Views(number=0))
