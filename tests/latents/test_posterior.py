"""The Gaussian posterior against its slow transcription; its laws are in `tests/laws`."""

from collections.abc import Callable

import pytest
import torch

from nebulatent.latents.posterior import DiagonalGaussian
from oracles import nvc as oracle

Matches = Callable[..., None]
pytestmark = pytest.mark.usefixtures("float64")


def test_kl_matches_the_oracle(matches: Matches) -> None:
    mean, logvar = torch.randn(7, 3), 3 * torch.randn(7, 3)
    expected = oracle.kl_standard_normal(mean.tolist(), logvar.tolist())
    matches(DiagonalGaussian(mean, logvar).kl(), expected)


def test_log_prob_matches_the_oracle(matches: Matches) -> None:
    mean, logvar, z = torch.randn(7, 3), torch.randn(7, 3), torch.randn(7, 3)
    expected = oracle.gaussian_nll(z.tolist(), mean.tolist(), logvar.tolist())
    matches(-DiagonalGaussian(mean, logvar).log_prob(z), expected)


def test_gradients_equal_finite_differences() -> None:
    mean, logvar = torch.randn(4, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    z = torch.randn(4, 3)
    assert torch.autograd.gradcheck(lambda m, s: DiagonalGaussian(m, s).kl(), (mean, logvar))
    assert torch.autograd.gradcheck(lambda m, s: DiagonalGaussian(m, s).log_prob(z), (mean, logvar))
