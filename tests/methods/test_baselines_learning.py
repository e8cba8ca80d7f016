"""On blobs every baseline that clusters finds the groups, and finds them by training."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from nebulatent.backbones.vectors import MLPDecoder, MLPEncoder
from nebulatent.data.batch import Batches
from nebulatent.data.synthetic import blobs
from nebulatent.evaluation.clustering import matched_accuracy
from nebulatent.latents.anchors import AnchorSet
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic, Variational
from nebulatent.latents.quantized import Codebook
from nebulatent.methods.dec import DEC
from nebulatent.methods.gmvae import GMVAE
from nebulatent.methods.gumbel_vae import GumbelVAE
from nebulatent.methods.prototypes import DeepKMeans
from nebulatent.methods.vade import VaDE
from nebulatent.methods.vq_vae import VQVAE
from nebulatent.objectives.likelihoods import Gaussian
from nebulatent.training.config import FitConfig
from nebulatent.training.fit import fit

CLASSES, DIM, LATENT = 5, 8, 4
EPOCHS, WARM = 20, 10


def host(bottleneck: type[nn.Module], latent: int = LATENT, decoded: int = LATENT) -> Autoencoder:
    """A small fully connected autoencoder."""
    encoder = MLPEncoder((DIM,), (32, 16))
    return Autoencoder(encoder, bottleneck(16, latent), MLPDecoder(decoded, (DIM,), (32, 16)))


def clusters() -> AnchorSet:
    """Centres that wait for the autoencoder."""
    return AnchorSet(CLASSES, LATENT, warmup_epochs=WARM, revive=False)


def noise() -> Gaussian:
    """A third of the spread: from all of it the KL wins and the codes collapse."""
    likelihood = Gaussian(DIM)
    nn.init.constant_(likelihood.logvar, -2.0)
    return likelihood


def idec() -> DEC:
    """DEC with the reconstruction kept."""
    return DEC(
        host(Deterministic),
        clusters(),
        reconstruction_weight=1.0,
        clustering_weight=0.1,
        likelihood=noise(),
    )


def vq_vae() -> VQVAE:
    """One entry for each sample."""
    book = Codebook(CLASSES, LATENT, decay=0.9, warmup_epochs=WARM)
    return VQVAE(host(Deterministic), book, likelihood=noise())


METHODS: dict[str, Callable[[], nn.Module]] = {
    "DEC": lambda: DEC(host(Deterministic), clusters(), likelihood=noise()),
    "IDEC": idec,
    "VaDE": lambda: VaDE(host(Variational), clusters(), likelihood=noise()),
    "GMVAE": lambda: GMVAE(host(Variational, LATENT + 2), CLASSES, LATENT, 2, likelihood=noise()),
    "VQ-VAE": vq_vae,
    "Gumbel": lambda: GumbelVAE(host(Deterministic, CLASSES, CLASSES), CLASSES, likelihood=noise()),
    "deep k-means": lambda: DeepKMeans(host(Deterministic), clusters(), likelihood=noise()),
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("seed", [0, 1])
def test_groups_are_found_by_training_and_not_before(name: str, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, label = blobs(400, CLASSES, DIM, separation=8.0, generator=generator)
    x = (x - x.mean(0)) / x.std(0)
    torch.manual_seed(seed)
    method = METHODS[name]().eval()

    def accuracy() -> float:
        found = method.assign(method.encode(x).mean)
        return matched_accuracy(found.numpy(), label.numpy())

    untrained = accuracy()
    fit(method, Batches(x, batch_size=20, seed=seed), FitConfig(epochs=EPOCHS, lr=1e-2, seed=seed))
    assert untrained < 0.7 and accuracy() > 0.9
