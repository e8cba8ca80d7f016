"""Divergence and density of diagonal Gaussians, against loops and torch.distributions."""

from collections.abc import Callable

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from nebulatent.latents.gaussians import gaussian_kl, gaussian_log_density
from oracles import baselines as oracle

pytestmark = pytest.mark.usefixtures("float64")


def test_divergence_is_the_oracles(matches: Callable[..., None]) -> None:
    rows = torch.randn(4, 3)
    expected = oracle.gaussian_kl(*(row.tolist() for row in rows))
    matches(gaussian_kl(*rows), expected)


def test_divergence_broadcasts_and_agrees_with_torch() -> None:
    mean, logvar = torch.randn(2, 5, 1, 3)
    other, spread = torch.randn(2, 4, 3)
    found = gaussian_kl(mean, logvar, other, spread)
    pairs = (Normal(m, (v / 2).exp()) for m, v in ((mean, logvar), (other, spread)))
    torch.testing.assert_close(found, kl_divergence(*pairs).sum(-1))
    assert found.shape == (5, 4) and (found >= 0).all()


def test_density_agrees_with_torch() -> None:
    z, mean, logvar = torch.randn(3, 6, 2)
    expected = Normal(mean, (logvar / 2).exp()).log_prob(z).sum(-1)
    torch.testing.assert_close(gaussian_log_density(z, mean, logvar), expected)
