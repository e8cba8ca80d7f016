"""On blobs the anchors learn what a person would call the groups.

The warm-up is long on purpose: anchors placed on the codes of a young encoder keep their mistakes
(with no warm-up the accuracy here is 0.4 to 0.9 instead of 0.99).
"""

from typing import NamedTuple

import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from nebulatent.backbones.vectors import MLPDecoder, MLPEncoder
from nebulatent.data.batch import Batches
from nebulatent.data.synthetic import blobs
from nebulatent.latents.anchors import AnchorSet, kmeans
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Variational
from nebulatent.methods.nvc import NVC, NebulaAnchors
from nebulatent.methods.vae import VAE
from nebulatent.objectives.likelihoods import Gaussian
from nebulatent.ops.distances import squared_distances
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit

CLASSES, DIM, LATENT = 5, 8, 4


def matched_accuracy(found: Tensor, label: Tensor) -> float:
    """Share of samples in the best one-to-one matching of anchors and classes."""
    table = torch.zeros(CLASSES, CLASSES).index_put(
        (found, label), torch.ones(len(label)), accumulate=True
    )
    rows, columns = linear_sum_assignment(-table.numpy())
    return table[rows, columns].sum().item() / len(label)


class Outcome(NamedTuple):
    """Accuracies of one seed."""

    untrained: float
    nvc: float
    nvc_ml: float
    kmeans: float
    used: int


def autoencoder() -> Autoencoder:
    """A small fully connected VAE."""
    encoder = MLPEncoder((DIM,), (32, 16))
    return Autoencoder(encoder, Variational(16, LATENT), MLPDecoder(LATENT, (DIM,), (32, 16)))


@pytest.fixture(scope="module", params=[0, 1])
def outcome(request: pytest.FixtureRequest) -> Outcome:
    """Train the same network with anchors that never learn, with NVC and with NVC-ML."""
    seed = request.param
    generator = torch.Generator().manual_seed(seed)
    x, label = blobs(400, CLASSES, DIM, separation=8.0, generator=generator)
    standard = (x - x.mean(0)) / x.std(0)
    config = FitConfig(epochs=12, lr=1e-2, seed=seed)
    found = []
    for metric in (None, False, True):
        torch.manual_seed(seed)
        anchors = AnchorSet(CLASSES, LATENT, warmup_epochs=10)
        nebula = NebulaAnchors(CLASSES, LATENT, metric=bool(metric), anchors=anchors)
        host, noise = autoencoder(), Gaussian(DIM)
        plain = VAE(host, likelihood=noise)
        method = plain if metric is None else NVC(host, nebula, likelihood=noise)
        fit(method, Batches(standard, label, batch_size=20, seed=seed), config)
        found.append(nebula.assign(method.encode(standard).mean))
    raw = squared_distances(x, kmeans(x, CLASSES, seed)).argmin(1)
    scores = [matched_accuracy(guess, label) for guess in (*found, raw)]
    return Outcome(*scores, used=len(found[2].unique()))


def test_nvc_beats_the_same_network_with_anchors_that_never_learn(outcome: Outcome) -> None:
    assert min(outcome.nvc, outcome.nvc_ml) > outcome.untrained + 0.15


def test_nvc_finds_the_groups_as_well_as_kmeans_on_the_raw_data(outcome: Outcome) -> None:
    assert min(outcome.nvc, outcome.nvc_ml) > outcome.kmeans - 0.03


def test_every_anchor_is_in_use(outcome: Outcome) -> None:
    assert outcome.used == CLASSES
