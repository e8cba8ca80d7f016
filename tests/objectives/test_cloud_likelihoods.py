"""Chamfer as a likelihood: loops, its bound on the mixture's, and an autoencoder that learns."""

import math
from collections.abc import Callable

import pytest
import torch

from nebulatent.backbones.point_decoders import FoldingDecoder, PointMLPDecoder
from nebulatent.backbones.pointnet import PointNetEncoder
from nebulatent.data.batch import Batches
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic, Variational
from nebulatent.methods.nvc import NVC, NebulaAnchors
from nebulatent.methods.vae import VAE
from nebulatent.objectives.cloud_likelihoods import ChamferLikelihood
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit


@pytest.mark.usefixtures("float64")
def test_likelihood_is_the_formula_in_loops(matches: Callable[..., None]) -> None:
    likelihood = ChamferLikelihood().double()
    recon, y = torch.randn(2, 5, 3), torch.randn(2, 7, 3)
    expected = []
    for centres, points in zip(recon.tolist(), y.tolist(), strict=True):
        there = sum(min(math.dist(p, c) ** 2 for c in centres) for p in points) / 7
        back = sum(min(math.dist(p, c) ** 2 for p in points) for c in centres) / 5
        variance = math.exp(-4.0)
        nats = (there + back) / 2 / variance + 3 * math.log(2 * math.pi * variance)
        expected.append(7 * (nats / 2 + math.log(5)))
    matches(likelihood(recon, y), expected)


@pytest.mark.usefixtures("float64")
def test_it_bounds_the_mixture_where_the_directions_agree() -> None:
    likelihood = ChamferLikelihood().double()
    y = torch.randn(1, 6, 3)
    sigma = math.exp(-2.0)
    gaps = torch.cdist(y, y).square() / (2 * sigma**2)
    mixture = -(torch.logsumexp(-gaps, 2) - math.log(6)).sum() + 9 * math.log(
        2 * math.pi * sigma**2
    )
    assert likelihood(y, y) >= mixture


def test_best_noise_level_is_the_mean_squared_distance_per_axis() -> None:
    likelihood = ChamferLikelihood()
    recon, y = torch.zeros(4, 1, 3), torch.tensor([[0.3, 0.0, 0.0]]).expand(4, 1, 3)
    for variance, falls in ((0.02, True), (0.03, None), (0.05, False)):
        likelihood.logvar.data = torch.tensor(variance).log()
        slope = torch.autograd.grad(likelihood(recon, y).mean(), likelihood.logvar)[0].item()
        assert slope == pytest.approx(0, abs=1e-5) if falls is None else (slope < 0) == falls


def boxes() -> torch.Tensor:
    """Clouds in boxes of all proportions."""
    generator = torch.Generator().manual_seed(0)
    sides = torch.rand(32, 1, 3, generator=generator) * 0.8 + 0.2
    return (torch.rand(32, 36, 3, generator=generator) * 2 - 1) * sides


@pytest.mark.parametrize("kind", ["MLP AE", "folding NVC-ML"])
def test_clouds_are_autoencoded(kind: str) -> None:
    encoder = PointNetEncoder(width=1 / 16)
    likelihood = ChamferLikelihood()
    if kind == "MLP AE":
        bottleneck, decoder = Deterministic(encoder.feature_dim, 4), PointMLPDecoder(4, 36)
        method = VAE(Autoencoder(encoder, bottleneck, decoder), likelihood=likelihood)
    else:
        bottleneck, decoder = Variational(encoder.feature_dim, 4), FoldingDecoder(4, 6, 32)
        nebula = NebulaAnchors(3, 4, metric=True)
        method = NVC(Autoencoder(encoder, bottleneck, decoder), nebula, likelihood=likelihood)
    clouds = boxes()
    history = fit(method, Batches(clouds, batch_size=16), FitConfig(epochs=10, lr=3e-3))
    assert history[-1]["reconstruction"] < 0.9 * history[0]["reconstruction"]
    decoded = method.decode(method.encode(clouds).mean)
    assert decoded.shape == clouds.shape and decoded.isfinite().all()
