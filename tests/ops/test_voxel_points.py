"""Clouds ↔ grids, values between cells, other resolutions: against loops and identities."""

import itertools
import math

import pytest
import torch

from nebulatent.data.shapes.make import draw_shape
from nebulatent.ops.voxel_points import centred, from_occupancy, resized, to_occupancy, values_at


def test_points_fill_the_cells_they_lie_in_and_come_back_from_them() -> None:
    shape = draw_shape(7, seed=0).shape()
    cells = torch.from_numpy(shape.occupancy(16)).unsqueeze(0)
    points = from_occupancy(cells, 20_000, torch.Generator().manual_seed(0))
    assert points.shape == (1, 20_000, 3)
    assert torch.equal(to_occupancy(points, 16), cells)
    again = from_occupancy(cells, 20_000, torch.Generator().manual_seed(0))
    assert torch.equal(points, again)


def test_values_between_centres_are_the_sum_over_eight_corners(float64: None) -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(2, 3, 4, 5, 6, generator=generator)
    points = torch.rand(2, 9, 3, generator=generator) * 0.9 - 0.45
    found = values_at(values, points, side=1.0)
    for b, p, c in itertools.product(range(2), range(9), range(3)):
        place = [float((points[b, p, i] + 0.5) * values.shape[2 + i] - 0.5) for i in range(3)]
        total = 0.0
        for corner in itertools.product((0, 1), repeat=3):
            index, weight = [], 1.0
            for i, up in enumerate(corner):
                low = math.floor(place[i])
                share = place[i] - low
                index.append(min(max(low + up, 0), values.shape[2 + i] - 1))
                weight *= share if up else 1 - share
            total += weight * float(values[b, c, index[0], index[1], index[2]])
        assert float(found[b, p, c]) == pytest.approx(total, abs=1e-12)


def test_the_look_up_follows_the_axes_and_has_gradients(float64: None) -> None:
    x, y, z = torch.meshgrid(*(((torch.arange(6.0) + 0.5) / 6 - 0.5),) * 3, indexing="ij")
    ramp = (x + 10 * y + 100 * z).expand(1, 1, 6, 6, 6)
    points = (torch.rand(1, 5, 3) - 0.5) * 0.8
    exact = points @ torch.tensor([1.0, 10.0, 100.0])
    torch.testing.assert_close(values_at(ramp, points, 1.0).squeeze(-1), exact)
    values = torch.randn(1, 1, 3, 3, 3, requires_grad=True)
    spots = (torch.rand(1, 4, 3) - 0.5).requires_grad_()
    assert torch.autograd.gradcheck(lambda v, p: values_at(v, p, 1.1), (values, spots))


@pytest.mark.parametrize("resolution", [1, 2, 3, 5, 8, 12])
def test_resizing_keeps_the_mean_and_is_block_mean_where_it_divides(resolution: int) -> None:
    values = torch.rand(2, 1, 6, 6, 6, dtype=torch.float64)
    small = resized(values, resolution)
    assert small.shape == (2, 1, *(resolution,) * 3)
    torch.testing.assert_close(small.mean((2, 3, 4)), values.mean((2, 3, 4)))
    if resolution in (1, 2, 3):
        expected = torch.nn.functional.avg_pool3d(values, 6 // resolution)
        torch.testing.assert_close(small, expected)
    if resolution == 12:
        torch.testing.assert_close(resized(small, 6), values)


def test_centring_pads_and_cuts_as_the_loader_of_rec_gan() -> None:
    values = torch.arange(3 * 4 * 5.0).view(1, 1, 3, 4, 5)
    whole = centred(values, 6)
    assert torch.equal(whole[0, 0, 1:4, 1:5, 0:5], values[0, 0])  # ⌊(6-d)/2⌋ = 1, 1, 0
    assert whole.sum() == values.sum()
    assert torch.equal(centred(whole, 4)[0, 0, 0:3], whole[0, 0, 1:4, 1:5, 1:5])
    assert torch.equal(centred(torch.ones(1, 1, 9, 9, 9), 1), torch.ones(1, 1, 1, 1, 1))


def test_bad_requests_get_a_sentence() -> None:
    generator = torch.Generator()
    with pytest.raises(ValueError, match="must be positive, got 0"):
        to_occupancy(torch.zeros(1, 2, 3), 0)
    with pytest.raises(ValueError, match="finite"):
        to_occupancy(torch.full((1, 2, 3), math.nan))
    with pytest.raises(ValueError, match="got none in number 1"):
        cells = torch.tensor([True, False]).view(2, 1, 1, 1)
        from_occupancy(cells, 3, generator)
    with pytest.raises(ValueError, match=r"must be cubes, got \[1, 2, 1\]"):
        from_occupancy(torch.ones(1, 1, 2, 1, dtype=torch.bool), 3, generator)
