"""Warps of images: pure, label-free, and what each size does."""

import pytest
import torch

from nebulatent.data.image_views import Warps, simple_features, straighten, warp_images

STILL = Warps(0, 0, 0, 0, 0)


def made(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stroke(lean: float, size: int = 21) -> torch.Tensor:
    """A blurred line through the centre that leans by this many columns a row."""
    at = torch.arange(size) - (size - 1) / 2
    return torch.exp(-((at - lean * at.unsqueeze(1)) ** 2))[None, None]


def test_a_view_is_pure_and_decided_by_its_generator() -> None:
    x = torch.rand(4, 3, 9, 11)
    before = x.clone()
    first = warp_images(x, made())
    assert torch.equal(x, before)
    assert torch.equal(first, warp_images(x, made()))
    assert not torch.equal(first, warp_images(x, made(1)))
    assert first.shape == x.shape and first.dtype == x.dtype


def test_a_warp_of_size_nothing_is_the_image() -> None:
    x = torch.rand(3, 2, 7, 10)
    torch.testing.assert_close(warp_images(x, made(), STILL), x, atol=1e-5, rtol=0)


def test_a_shift_moves_the_mass_by_at_most_that_share_of_the_side() -> None:
    x = torch.zeros(500, 1, 21, 21)
    x[:, :, 10, 10] = 1
    at = torch.arange(21.0) - 10
    seen = warp_images(x, made(), STILL._replace(shift=0.1))
    column = (seen.sum((1, 2)) * at).sum(1) / seen.sum((1, 2, 3))
    assert column.abs().max() <= 2.1 + 1e-3
    assert column.std() == pytest.approx(2.1 / 3**0.5, rel=0.1)


def test_values_stay_within_those_of_the_image() -> None:
    seen = warp_images(torch.rand(20, 1, 8, 8) + 1, made(), Warps(1.0, 0.5, 0.5, 0.3, 0.2))
    assert seen.min() >= 1 and seen.max() <= 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 3)])
def test_the_smallest_images_have_views(shape: tuple[int, int]) -> None:
    assert warp_images(torch.rand(3, 1, *shape), made()).isfinite().all()
    assert straighten(torch.rand(3, 1, *shape)).isfinite().all()


def test_straightening_removes_lean_and_shift() -> None:
    upright = straighten(stroke(0.0))
    leaning = straighten(stroke(0.4))
    moved = straighten(stroke(0.0).roll(3, 3))
    assert (leaning - upright).abs().mean() < 0.1 * (stroke(0.4) - upright).abs().mean()
    torch.testing.assert_close(moved, upright, atol=2e-2, rtol=0)


def test_an_empty_image_stays_empty() -> None:
    assert torch.equal(straighten(torch.zeros(2, 1, 5, 5)), torch.zeros(2, 1, 5, 5))


def test_features_of_large_images_are_halved_and_those_of_small_ones_are_pixels() -> None:
    assert simple_features(torch.rand(2, 1, 28, 28)).shape == (2, 14 * 14)
    x = torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(simple_features(x, straightened=False), x.flatten(1))
