"""Deep k-means: its term against loops, its limits, its scale."""

from collections.abc import Callable

import pytest
import torch

from laws.cases import LATENT, anchors, host, vectors
from nebulatent.data.batch import Batches
from nebulatent.latents.anchors import AnchorSet
from nebulatent.latents.bottlenecks import Deterministic
from nebulatent.methods.prototypes import DeepKMeans, soft_kmeans_loss
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit
from oracles import baselines as oracle

pytestmark = pytest.mark.usefixtures("float64")


@pytest.mark.parametrize("sharpness", [0.1, 10.0])
def test_term_is_the_oracles(sharpness: float, matches: Callable[..., None]) -> None:
    z, prototypes = torch.randn(8, LATENT), torch.randn(3, LATENT)
    expected = oracle.deep_kmeans_loss(z.tolist(), prototypes.tolist(), sharpness)
    matches(soft_kmeans_loss(z, prototypes, sharpness), expected)


def test_sharp_assignments_are_k_means() -> None:
    z, prototypes = torch.randn(20, LATENT), torch.randn(3, LATENT)
    nearest = torch.cdist(z, prototypes).square().min(1).values.mean()
    variance = z.var(0, correction=0).sum()
    torch.testing.assert_close(soft_kmeans_loss(z, prototypes, 1e6), nearest / variance)


def test_shrinking_everything_changes_nothing() -> None:
    z, prototypes = torch.randn(8, LATENT), torch.randn(3, LATENT)
    expected = soft_kmeans_loss(z, prototypes, 3.0)
    torch.testing.assert_close(soft_kmeans_loss(z / 50, prototypes / 50, 3.0), expected)


def test_coincident_codes_are_no_error() -> None:
    z = torch.ones(4, LATENT, requires_grad=True)
    loss = soft_kmeans_loss(z, torch.ones(2, LATENT), 3.0)
    loss.backward()
    assert loss == 0 and z.grad.isfinite().all()


def test_warm_up_is_a_plain_autoencoder_and_then_clusters_tighten() -> None:
    prototypes = AnchorSet(3, LATENT, warmup_epochs=2)
    method = DeepKMeans(host(Deterministic), prototypes)
    x = vectors().x.repeat(5, 1)
    history = fit(method, Batches(x, batch_size=24), FitConfig(epochs=8, lr=1e-2))
    assert "prototypes" not in history[1]
    assert history[-1]["prototypes"] < history[2]["prototypes"]


def test_hard_and_soft_assignments_agree() -> None:
    method, z = DeepKMeans(host(Deterministic), anchors()), torch.randn(20, LATENT)
    soft = method.assign_probabilities(z)
    assert torch.equal(method.assign(z), soft.argmax(1))
    torch.testing.assert_close(soft.sum(1), torch.ones(20))
    torch.testing.assert_close(method.assign_probabilities(z[:1]), soft[:1])


def test_assignments_are_as_soft_as_the_training_codes_are_spread() -> None:
    method, batch = DeepKMeans(host(Deterministic), anchors(), sharpness=3.0), vectors()
    for _ in range(200):
        method(batch)
    z = method.encode(batch.x).mean.detach()
    torch.testing.assert_close(method.variance, z.var(0, correction=0).sum())
    distances = torch.cdist(z, method.prototypes.positions).square() / method.variance
    found = method.assign_probabilities(z)
    torch.testing.assert_close(found, (-3.0 * distances).softmax(1), rtol=1e-6, atol=1e-9)


def test_options_must_be_possible() -> None:
    with pytest.raises(ValueError, match=r"`sharpness` must be positive, got 0"):
        DeepKMeans(host(Deterministic), anchors(), sharpness=0.0)
    with pytest.raises(ValueError, match=r"`prototype_weight` must not be negative, got -1"):
        DeepKMeans(host(Deterministic), anchors(), prototype_weight=-1.0)
