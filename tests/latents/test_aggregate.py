"""Gaussians fitted to groups of codes: their moments, their samples, groups without codes."""

import pytest
import torch

from nebulatent.latents.aggregate import Aggregate, aggregate


def fitted(dtype: torch.dtype = torch.float32) -> tuple[Aggregate, torch.Tensor, torch.Tensor]:
    """One group of 50 codes, one of a single code, one of none."""
    mean = torch.randn(51, 3, dtype=dtype) @ torch.randn(3, 3, dtype=dtype)
    variance = torch.rand(51, 3, dtype=dtype)
    rows = [torch.arange(50), torch.tensor([50]), torch.empty(0, dtype=torch.long)]
    return aggregate(mean, variance, rows, torch.full((3, 3), 7.0, dtype=dtype)), mean, variance


def test_moments_are_those_of_the_means_plus_the_average_variance() -> None:
    found, mean, variance = fitted()
    covariance = found.factor[0] @ found.factor[0].T
    expected = torch.cov(mean[:50].T, correction=0) + variance[:50].mean(0).diag()
    torch.testing.assert_close(found.mean[0], mean[:50].mean(0))
    torch.testing.assert_close(covariance, expected, rtol=1e-4, atol=1e-4)
    assert found.size.tolist() == [50, 1, 0]


def test_group_of_one_code_spreads_by_its_variance_and_of_none_by_one_around_its_centre() -> None:
    found, mean, variance = fitted()
    torch.testing.assert_close(found.mean[1], mean[50])
    one = found.factor[1] @ found.factor[1].T
    torch.testing.assert_close(one, variance[50].diag(), rtol=1e-4, atol=1e-5)
    assert found.mean[2].tolist() == [7.0, 7.0, 7.0]
    torch.testing.assert_close(found.factor[2], torch.eye(3), rtol=1e-4, atol=1e-5)


def test_samples_have_the_fitted_moments_and_repeat_with_the_generator() -> None:
    found, *_ = fitted()
    z = found.sample(0, 50_000, torch.Generator().manual_seed(0))
    covariance = found.factor[0] @ found.factor[0].T
    spread = covariance.diagonal().sqrt()
    assert ((z.mean(0) - found.mean[0]).abs() < 5 * spread / 50_000**0.5).all()
    torch.testing.assert_close(torch.cov(z.T), covariance, rtol=0.05, atol=0.05)
    assert torch.equal(z[:0], found.sample(0, 0, torch.Generator()))
    assert torch.equal(z, found.sample(0, 50_000, torch.Generator().manual_seed(0)))


def test_point_masses_at_one_place_still_have_a_factor() -> None:
    zeros = torch.zeros(4, 3)
    found = aggregate(zeros, zeros, [torch.arange(4)], zeros[:1])
    assert found.factor.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_precision_follows_the_codes(dtype: torch.dtype) -> None:
    found, *_ = fitted(dtype)
    assert found.factor.dtype == dtype
    assert found.sample(0, 3, torch.Generator()).dtype == dtype


def test_few_codes_of_many_numbers_have_a_factor() -> None:
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        mean = torch.rand(8, 64, generator=generator) * (torch.arange(64) % 2)
        found = aggregate(mean, torch.zeros(8, 64), [torch.arange(8)], torch.zeros(1, 64))
        assert found.factor.dtype == torch.float32 and found.factor.isfinite().all()
        covariance = found.factor[0] @ found.factor[0].T
        torch.testing.assert_close(covariance, torch.cov(mean.T, correction=0), rtol=0, atol=1e-4)
