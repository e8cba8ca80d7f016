"""Looking up, normalising and resampling clouds."""

import pytest
import torch

from nebulatent.ops.points import points_at, resampled, to_unit_cube, to_unit_sphere


@pytest.mark.parametrize("picks", [(4,), (4, 3), (0,)])
def test_values_are_looked_up_in_their_own_cloud(picks: tuple[int, ...]) -> None:
    values, index = torch.rand(2, 5, 3), torch.randint(5, (2, *picks))
    expected = torch.stack([values[cloud][index[cloud]] for cloud in range(2)])
    assert torch.equal(points_at(values, index), expected)


def test_gradient_of_a_value_counts_how_often_it_was_picked() -> None:
    values = torch.rand(1, 3, 2, requires_grad=True)
    points_at(values, torch.tensor([[0, 2, 2]])).sum().backward()
    assert values.grad is not None
    assert values.grad[0, :, 0].tolist() == [1.0, 0.0, 2.0]


def test_sphere_and_cube_hold_the_cloud_and_touch_it() -> None:
    points = 100 + torch.rand(3, 50, 3) * torch.tensor([1.0, 5.0, 0.1])
    sphere, cube = to_unit_sphere(points), to_unit_cube(points)
    torch.testing.assert_close(sphere.points.norm(dim=-1).amax(1), torch.ones(3))
    torch.testing.assert_close(cube.points.amax(1), -cube.points.amin(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(cube.points.amax((1, 2)), torch.full((3,), 0.5))
    for frame in (sphere, cube):
        torch.testing.assert_close(frame.points * frame.scale + frame.centre, points)


@pytest.mark.parametrize("frame", [to_unit_sphere, to_unit_cube])
def test_a_repeated_point_is_moved_to_the_origin_and_not_divided_by_zero(frame: object) -> None:
    assert callable(frame)
    found = frame(torch.full((1, 4, 3), 7.0))
    assert torch.equal(found.points, torch.zeros(1, 4, 3)) and found.scale.item() == 1


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (torch.rand(2, 0, 3), "`points` must have points with coordinates, got clouds of 0"),
        (torch.tensor([[[0.0, torch.nan]]]), "`points` must be finite, got 1 points with NaN"),
    ],
)
def test_empty_and_unfinished_clouds_are_refused(points: torch.Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        to_unit_sphere(points)


@pytest.mark.parametrize("count", [1, 6, 20])
def test_resampling_repeats_only_when_it_must(count: int) -> None:
    points = torch.arange(12.0).view(2, 6, 1)
    found = resampled(points, count, torch.Generator().manual_seed(3))
    again = resampled(points, count, torch.Generator().manual_seed(3))
    assert torch.equal(found, again)
    for before, after in zip(points, found, strict=True):
        assert len(after) == count
        assert len(after.unique()) == min(count, 6)
        assert set(after.flatten().tolist()) <= set(before.flatten().tolist())


def test_resampling_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="must be positive, got 0 of 4"):
        resampled(torch.rand(1, 4, 3), 0, torch.Generator())
