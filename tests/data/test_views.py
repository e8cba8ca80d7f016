"""Random corruptions."""

import pytest
import torch

from nebulatent.data.views import gaussian, jitter, mask


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("view", [mask, gaussian, jitter])
def test_a_view_is_pure_and_decided_by_its_generator(view: object) -> None:
    x = torch.rand(5, 3, 4, 4, generator=_generator()) + 1
    before = x.clone()
    first, again = view(x, _generator()), view(x, _generator())
    assert torch.equal(x, before)
    assert torch.equal(first, again)
    assert not torch.equal(first, x)
    assert first.dtype == x.dtype and first.shape == x.shape


def test_the_share_of_pixels_is_dropped_in_all_channels_at_once() -> None:
    x = torch.ones(50, 3, 20, 20)
    seen = mask(x, _generator(), share=0.25)
    assert set(seen.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(seen[:, 0], seen[:, 1]) and torch.equal(seen[:, 0], seen[:, 2])
    assert abs((seen == 0).float().mean().item() - 0.25) < 0.01  # 8 standard deviations


def test_features_of_vectors_are_dropped_one_by_one() -> None:
    seen = mask(torch.ones(100, 200), _generator(), share=0.5)
    assert 0.45 < seen.mean(0).min() + 0.15 and seen.mean() == pytest.approx(0.5, abs=0.02)
    assert not torch.equal(seen[:, 0], seen[:, 1])


def test_noise_has_the_deviation_asked_for() -> None:
    noise = gaussian(torch.zeros(100, 1000, dtype=torch.float64), _generator(), std=0.7)
    assert noise.std().item() == pytest.approx(0.7, rel=0.01)
    assert noise.mean().item() == pytest.approx(0, abs=0.01)
    assert noise.dtype == torch.float64


def test_limits() -> None:
    x = torch.rand(3, 4, generator=_generator())
    assert torch.equal(mask(x, _generator(), share=0.0), x)
    assert torch.equal(mask(x, _generator(), share=1.0), torch.zeros_like(x))
    assert torch.equal(gaussian(x, _generator(), std=0.0), x)


def test_impossible_options_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`share` must be in \[0, 1\], got 1\.5"):
        mask(torch.ones(2, 2), _generator(), share=1.5)
    with pytest.raises(ValueError, match=r"`std` must not be negative, got -1"):
        gaussian(torch.ones(2, 2), _generator(), std=-1.0)


def test_jitter_is_noise_with_dropped_values() -> None:
    x = torch.ones(200, 100)
    seen = jitter(x, _generator(), std=0.5, share=0.2)
    assert (seen == 0).float().mean().item() == pytest.approx(0.2, abs=0.02)
    assert seen[seen != 0].std().item() == pytest.approx(0.5, rel=0.05)
