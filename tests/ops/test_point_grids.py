"""Grid subsampling against a dictionary of cells."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nebulatent.ops.point_grids import grid_subsample


@given(st.integers(1, 40), st.integers(1, 4), st.sampled_from([0.3, 1.0, 50.0]), st.integers(0, 99))
def test_cells_match_a_dictionary(size: int, dim: int, side: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(size, dim, generator=generator, dtype=torch.float64)
    low, cells = points.amin(0).tolist(), {}
    for index, point in enumerate(points.tolist()):
        place = tuple(math.floor((v - w) / side) for v, w in zip(point, low, strict=True))
        cells.setdefault(place, []).append(index)
    members = [cells[place] for place in sorted(cells)]
    found = grid_subsample(points, side)
    assert found.sizes.tolist() == [len(group) for group in members]
    for cell, group in enumerate(members):
        assert torch.nonzero(found.cell == cell).flatten().tolist() == group
        torch.testing.assert_close(found.points[cell], points[group].mean(0))


def test_moving_the_cloud_moves_its_cells() -> None:
    points = torch.rand(100, 3, dtype=torch.float64)
    before, after = grid_subsample(points, 0.25), grid_subsample(points + 8, 0.25)
    assert torch.equal(after.cell, before.cell)


def test_means_are_differentiable() -> None:
    points = torch.rand(8, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda p: grid_subsample(p, 0.5).points, points)


@pytest.mark.parametrize("side", [0.0, -1.0, float("nan"), float("inf")])
def test_cells_without_a_size_are_refused(side: float) -> None:
    with pytest.raises(ValueError, match="`size` must be positive"):
        grid_subsample(torch.rand(4, 3), side)


def test_a_grid_too_fine_to_number_is_refused() -> None:
    with pytest.raises(ValueError, match=r"fewer than 2\*\*62 cells, got 1e-07"):
        grid_subsample(torch.rand(4, 3), 1e-7)


def test_no_points_are_refused() -> None:
    with pytest.raises(ValueError, match="`points` must have points"):
        grid_subsample(torch.rand(0, 3), 1.0)
