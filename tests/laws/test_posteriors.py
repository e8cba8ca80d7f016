"""Laws of posteriors: divergence, density and samples agree with one another."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from laws.cases import LATENT, RowNoise
from nebulatent.latents.posterior import DiagonalGaussian, Dirac

pytestmark = pytest.mark.usefixtures("float64")
seeds = st.integers(0, 2**31 - 1)


def drawn(seed: int, rows: int = 3) -> DiagonalGaussian:
    """A posterior with moments of every size."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(2, rows, LATENT, generator=generator, dtype=torch.float64)
    return DiagonalGaussian(2 * noise[0], noise[1])


@given(seeds)
def test_kl_is_not_negative(seed: int) -> None:
    assert (drawn(seed).kl() >= 0).all()


def test_kl_of_the_prior_is_zero() -> None:
    zeros = torch.zeros(2, LATENT)
    assert torch.equal(DiagonalGaussian(zeros, zeros).kl(), torch.zeros(2))


def test_kl_is_stationary_at_the_prior() -> None:
    moments = torch.zeros(2, 1, LATENT, requires_grad=True)
    DiagonalGaussian(moments[0], moments[1]).kl().sum().backward()
    assert torch.equal(moments.grad, torch.zeros(2, 1, LATENT))


def repeated(posterior: DiagonalGaussian, count: int) -> DiagonalGaussian:
    """`count` copies of the first code."""
    return DiagonalGaussian(*(part[:1].expand(count, -1) for part in posterior))


def standard_log_prob(z: Tensor) -> Tensor:
    """Log N(z; 0, I)."""
    return -0.5 * (z.square() + math.log(2 * math.pi)).sum(1)


@pytest.mark.parametrize("seed", range(3))
def test_kl_is_the_mean_log_ratio_of_densities(seed: int) -> None:
    posterior = repeated(drawn(seed), 40_000)
    z = posterior.rsample()
    ratio = posterior.log_prob(z) - standard_log_prob(z)
    error = ratio.std() / math.sqrt(len(ratio))
    assert abs(ratio.mean() - posterior.kl()[0]) < 5 * error


@pytest.mark.parametrize("seed", range(3))
def test_samples_have_the_stated_mean_and_variance(seed: int) -> None:
    posterior = repeated(drawn(seed), 40_000)
    z = posterior.rsample()
    deviation = (0.5 * posterior.logvar[0]).exp()
    assert ((z.mean(0) - posterior.mean[0]).abs() < 5 * deviation / 200).all()
    assert (z.std(0) / deviation - 1).abs().max() < 0.02


def test_log_prob_agrees_with_torch() -> None:
    posterior = drawn(0)
    z = posterior.rsample()
    normal = torch.distributions.Normal(posterior.mean, (0.5 * posterior.logvar).exp())
    torch.testing.assert_close(posterior.log_prob(z), normal.log_prob(z).sum(1))


def test_samples_carry_the_gradient_of_mean_and_variance() -> None:
    mean, logvar = torch.randn(3, LATENT), torch.randn(3, LATENT)

    def sample(mean: Tensor, logvar: Tensor) -> Tensor:
        with RowNoise():
            noise = torch.randn_like(torch.ones(3, LATENT))
        torch.manual_seed(0)
        return DiagonalGaussian(mean, logvar).rsample() + 0 * noise

    assert torch.autograd.gradcheck(sample, (mean.requires_grad_(), logvar.requires_grad_()))


def test_samples_differ_from_call_to_call_and_repeat_with_the_seed() -> None:
    posterior = drawn(0)
    torch.manual_seed(5)
    first, second = posterior.rsample(), posterior.rsample()
    torch.manual_seed(5)
    assert not torch.equal(first, second)
    assert torch.equal(posterior.rsample(), first)


def test_point_mass_is_its_own_sample_and_has_no_density() -> None:
    posterior = Dirac(torch.randn(3, LATENT))
    assert torch.equal(posterior.rsample(), posterior.mean)
    assert posterior.kl() is None
    assert posterior.log_prob(posterior.mean) is None
