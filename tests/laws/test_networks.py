"""Laws of encoders, decoders and likelihoods: sizes, gradients, finite output."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from laws.cases import DECODERS, ENCODERS, FEATURES, LATENT, LIKELIHOODS

pytestmark = pytest.mark.usefixtures("float64")
Build = Callable[[], nn.Module]
every_encoder = pytest.mark.parametrize(("_", "build", "shape"), ENCODERS)
every_decoder = pytest.mark.parametrize(("_", "build", "shape"), DECODERS)


@every_encoder
def test_encoders_give_the_features_they_announce(
    _: str, build: Build, shape: tuple[int, ...]
) -> None:
    encoder = build()
    h = encoder(torch.rand(6, *shape))
    assert h.shape == (6, encoder.feature_dim)
    assert h.isfinite().all()


@every_decoder
def test_decoders_give_back_the_shape_of_a_sample(
    _: str, build: Build, shape: tuple[int, ...]
) -> None:
    assert build()(torch.randn(6, LATENT)).shape == (6, *shape)


@pytest.mark.parametrize(("_", "build", "shape"), [*ENCODERS, *DECODERS])
def test_every_weight_of_a_network_gets_a_gradient(
    _: str, build: Build, shape: tuple[int, ...]
) -> None:
    network = build()
    decodes = "Decoder" in type(network).__name__
    out = network(torch.randn(16, LATENT) if decodes else torch.rand(16, *shape))
    (out * torch.randn_like(out)).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


@pytest.mark.parametrize(("_", "build"), LIKELIHOODS)
def test_likelihoods_are_one_finite_value_per_sample_even_for_extreme_output(
    _: str, build: Build
) -> None:
    y = torch.tensor([0.0, 1.0, 0.5, 0.0, 1.0, 0.3]).expand(4, FEATURES)
    recon = torch.tensor([-1e4, -30.0, 0.0, 1e4]).unsqueeze(1).expand(4, FEATURES)
    nll = build()(recon, y)
    assert nll.shape == (4,) and nll.isfinite().all()


@pytest.mark.parametrize(("_", "build"), LIKELIHOODS)
def test_no_data_is_likelier_than_the_expected_data(_: str, build: Build) -> None:
    likelihood = build()
    recon = torch.randn(5, FEATURES)
    best = likelihood.mean(recon)
    assert best.shape == recon.shape
    at_best = likelihood(torch.logit(best) if likelihood.mean(torch.zeros(1)) else best, best)
    for _step in range(5):
        other = torch.randn(5, FEATURES)
        assert (likelihood(other, best) >= at_best - 1e-12).all()


@pytest.mark.parametrize(("_", "build"), LIKELIHOODS)
def test_likelihood_of_a_reconstruction_of_another_shape_is_refused(_: str, build: Build) -> None:
    """A decoder that drops the channel axis would otherwise be compared with every image."""
    with pytest.raises(ValueError):
        build()(torch.zeros(4, 3, FEATURES), torch.rand(4, 1, 3, FEATURES))
