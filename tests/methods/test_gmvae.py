"""GMVAE: the bound's three divergences, the free nats, the posterior of the cluster."""

import math
from collections.abc import Callable

import pytest
import torch

from laws.cases import FEATURES, LATENT, vectors
from nebulatent.backbones.vectors import MLPDecoder, MLPEncoder
from nebulatent.data.batch import Batches
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic, Variational
from nebulatent.methods.gmvae import GMVAE
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from oracles import baselines as oracle

pytestmark = pytest.mark.usefixtures("float64")
CLUSTERS, NOISE = 3, 2


def made(free_nats: float = 0.0, bottleneck: type = Variational) -> GMVAE:
    """A small method."""
    encoder = MLPEncoder((FEATURES,), (16, 8))
    decoder = MLPDecoder(LATENT, (FEATURES,), (16, 8))
    autoencoder = Autoencoder(encoder, bottleneck(8, LATENT + NOISE), decoder)
    return GMVAE(autoencoder, CLUSTERS, LATENT, NOISE, free_nats=free_nats)


def test_divergences_are_the_oracles(matches: Callable[..., None]) -> None:
    method = made()
    coding = method.code(vectors())
    means, logvars = method.components(coding.z[:, LATENT:])
    mean, logvar = (part.tolist() for part in coding.posterior)
    expected = [
        oracle.gmvae_divergences(
            coding.z[n, :LATENT].tolist(),
            (mean[n][:LATENT], logvar[n][:LATENT]),
            (mean[n][LATENT:], logvar[n][LATENT:]),
            (means[n].tolist(), logvars[n].tolist()),
        )
        for n in range(len(mean))
    ]
    found = method.divergences(coding)
    for part, values in zip(found, zip(*expected, strict=True), strict=True):
        matches(part, list(values))
    kl = method.elbo(coding, vectors()).values["kl"]
    matches(kl, sum(sum(row) for row in expected) / len(expected))


def test_divergences_are_not_negative_and_the_clusters_at_most_log_k() -> None:
    method = made()
    method.shape_net[-1].weight.data.mul_(20)
    parts = method.divergences(method.code(vectors()))
    assert all((part >= -1e-12).all() for part in parts)
    assert parts.cluster.max() <= math.log(CLUSTERS) + 1e-12


@pytest.mark.parametrize("free_nats", [0.01, 1.0])
def test_free_nats_make_the_cluster_term_cost_at_least_that(free_nats: float) -> None:
    method, batch = made(free_nats), vectors()
    torch.manual_seed(5)
    values = method(batch).values
    torch.manual_seed(5)
    cluster = method.divergences(method.code(batch)).cluster.mean()
    paid = values["free"] + cluster
    torch.testing.assert_close(paid, cluster.clamp_min(free_nats))


def test_noise_chooses_the_clusters_and_the_decoder_does_not_see_it() -> None:
    method = made().eval()
    z = torch.randn(5, LATENT + NOISE)
    other = torch.cat([z[:, :LATENT], torch.randn(5, NOISE)], dim=1)
    assert torch.equal(method.decode(z), method.decode(other))
    assert not torch.equal(method.assign_probabilities(z), method.assign_probabilities(other))
    assert torch.equal(method.assign(z), method.assign_probabilities(z).argmax(1))


def test_anchors_see_the_mean_of_z_alone() -> None:
    seen = []
    method = made()
    method.latent_terms = lambda z: seen.append(z) or method.elbo(method.code(batch), batch)
    batch = vectors()
    with pytest.raises(ValueError, match="twice"):
        method(batch)
    assert seen[0].shape == (len(batch.x), LATENT)


def test_training_lowers_the_bound() -> None:
    method = made()
    x = vectors().x.repeat(5, 1)
    history = fit(method, Batches(x, batch_size=24), FitConfig(epochs=6, lr=1e-2))
    assert history[-1]["total"] < history[0]["total"]


@pytest.mark.parametrize("free_nats", [-0.1, 1.2])
def test_free_nats_must_be_possible(free_nats: float) -> None:
    with pytest.raises(ValueError, match=r"`free_nats` must lie in 0..log K = 1.1, got"):
        made(free_nats)


def test_sizes_must_be_positive_and_posteriors_gaussian() -> None:
    with pytest.raises(ValueError, match=r"`noise_dim` must be positive, got 0"):
        GMVAE(made().autoencoder, 3, LATENT, 0)
    with pytest.raises(TypeError, match=r"`Variational` bottleneck, got .*Dirac"):
        made(bottleneck=Deterministic)(vectors())
