"""Likelihoods against their slow transcription."""

from collections.abc import Callable

import pytest
import torch

from nebulatent.objectives.likelihoods import Bernoulli, Gaussian
from oracles import nvc as oracle

pytestmark = pytest.mark.usefixtures("float64")
Matches = Callable[..., None]


def test_bernoulli_matches_the_oracle_for_grey_values_and_large_logits(matches: Matches) -> None:
    y = torch.rand(6, 8)
    recon = 30 * torch.randn(6, 8)
    matches(Bernoulli()(recon, y), oracle.bernoulli_nll(y.tolist(), recon.tolist()))


def test_gaussian_matches_the_oracle(matches: Matches) -> None:
    likelihood = Gaussian(8)
    likelihood.logvar.data.normal_()
    y, recon = torch.randn(6, 8), torch.randn(6, 8)
    spread = likelihood.logvar.expand(6, 8).tolist()
    matches(likelihood(recon, y), oracle.gaussian_nll(y.tolist(), recon.tolist(), spread))


def test_images_are_summed_over_channels_and_pixels(matches: Matches) -> None:
    y, recon = torch.rand(3, 2, 4, 5), torch.randn(3, 2, 4, 5)
    flat = (y.flatten(1).tolist(), recon.flatten(1).tolist())
    matches(Bernoulli()(recon, y), oracle.bernoulli_nll(*flat))
    likelihood = Gaussian()
    likelihood.logvar.data.fill_(0.7)
    spread = torch.full((3, 40), 0.7).tolist()
    matches(likelihood(recon, y), oracle.gaussian_nll(*flat, spread))


def test_gaussian_with_variance_one_half_is_the_printed_squared_error() -> None:
    likelihood = Gaussian(4)
    likelihood.logvar.data.fill_(torch.tensor(0.5).log())
    y, recon = torch.randn(3, 4), torch.randn(3, 4)
    constant = 2 * (torch.tensor(0.5) * 2 * torch.pi).log()
    expected = (y - recon).square().sum(1) + constant
    torch.testing.assert_close(likelihood(recon, y), expected)


def test_noise_level_is_kept_from_collapsing() -> None:
    likelihood = Gaussian(2)
    likelihood.logvar.data.fill_(-1e3)
    assert likelihood(torch.zeros(1, 2), torch.ones(1, 2)).isfinite().all()


@pytest.mark.parametrize("likelihood", [Bernoulli(), Gaussian(3)])
def test_gradient_equals_finite_differences(likelihood: torch.nn.Module) -> None:
    recon, y = torch.randn(4, 3, requires_grad=True), torch.rand(4, 3)
    assert torch.autograd.gradcheck(lambda recon: likelihood.double()(recon, y), (recon,))
