"""The anchor mixture against its slow transcription, and as a density."""

from collections.abc import Callable

import pytest
import torch

from nebulatent.latents.posterior import DiagonalGaussian, Dirac
from nebulatent.latents.priors import AnchorMixture
from oracles import nvc as oracle

Matches = Callable[..., None]
pytestmark = pytest.mark.usefixtures("float64")


def mixture(num_anchors: int = 4, latent_dim: int = 3) -> AnchorMixture:
    """A mixture with unequal shares and spreads."""
    prior = AnchorMixture(num_anchors, latent_dim)
    prior.logits.data.normal_()
    prior.logvar.data.normal_()
    return prior


@pytest.mark.parametrize("num_anchors", [1, 4])
def test_density_and_divergence_match_the_oracle(num_anchors: int, matches: Matches) -> None:
    prior = mixture(num_anchors)
    anchors, z = torch.randn(num_anchors, 3), torch.randn(10, 3)
    posterior = DiagonalGaussian(torch.randn(10, 3), torch.randn(10, 3))
    parts = [part.tolist() for part in (anchors, prior.logits, prior.logvar)]
    matches(prior.log_prob(z, anchors), oracle.mixture_log_density(z.tolist(), *parts))
    moments = [part.tolist() for part in posterior]
    expected = oracle.mixture_kl_one_sample(z.tolist(), *moments, *parts)
    matches(prior.kl(posterior, z, anchors), expected)


def test_gradients_equal_finite_differences() -> None:
    prior = mixture()
    anchors, z = torch.randn(4, 3, requires_grad=True), torch.randn(5, 3, requires_grad=True)

    def density(*_: torch.Tensor) -> torch.Tensor:
        return prior.log_prob(z, anchors)  # gradcheck moves the tensors in place

    assert torch.autograd.gradcheck(density, (z, anchors, prior.logits, prior.logvar))


def test_density_integrates_to_one() -> None:
    prior = mixture(3, 1)
    z = torch.linspace(-60, 60, 40_001).unsqueeze(1)
    density = prior.log_prob(z, torch.tensor([[-3.0], [0.0], [5.0]])).exp()
    assert torch.trapezoid(density, z[:, 0]).item() == pytest.approx(1.0, abs=1e-6)


def test_one_standard_component_at_the_origin_is_the_standard_prior() -> None:
    posterior = DiagonalGaussian(torch.randn(20_000, 2), torch.full((20_000, 2), -0.5))
    z = posterior.rsample()
    kl = AnchorMixture(1, 2).kl(posterior, z, torch.zeros(1, 2))
    assert kl.mean().item() == pytest.approx(posterior.kl().mean().item(), abs=0.05)


def test_components_are_equal_at_the_start_and_their_order_does_not_matter() -> None:
    prior, anchors, z = AnchorMixture(4, 3), torch.randn(4, 3), torch.randn(9, 3)
    torch.testing.assert_close(prior.log_prob(z, anchors), prior.log_prob(z, anchors.flip(0)))


def test_single_precision_is_close_far_from_the_origin() -> None:
    """Codes at 10 and a spread of a tenth: the expanded square loses digits."""
    prior, anchors = AnchorMixture(4, 3), 10 + torch.randn(4, 3)
    prior.logvar.data.fill_(-4.6)
    z = anchors[[0, 1, 2, 3, 0]] + 0.1 * torch.randn(5, 3)
    exact = prior.log_prob(z, anchors)
    single = prior.float().log_prob(z.float(), anchors.float())
    torch.testing.assert_close(single.double(), exact, rtol=0, atol=0.01)


def test_point_mass_has_no_divergence() -> None:
    z = torch.randn(4, 3)
    assert AnchorMixture(2, 3).kl(Dirac(z), z, torch.randn(2, 3)) is None
