"""The experiment of a rival's row: another paper's method on our host network, same budget.

The network, the code of 10 numbers, the optimiser and its schedule are those of `trained`. What a
rival adds is a layer at the bottleneck (the noise of a GMVAE, the categories of a Gumbel-softmax)
and, where its paper pretrains, a warm-up within the same epochs: half of them for DEC, IDEC, VaDE
and deep k-means, one for the codebook of a VQ-VAE.
"""

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import nn

from nebulatent.apps.recipes.measuring import (
    density_measures,
    kmeans_measures,
    on_codes,
    reconstruction_rows,
)
from nebulatent.apps.recipes.recipe import Outcome, Setting
from nebulatent.apps.recipes.recipe_data import RecipeData, images, labels
from nebulatent.apps.recipes.trained import Trained
from nebulatent.backbones.vectors import MLPDecoder, MLPEncoder
from nebulatent.data.batch import Batches
from nebulatent.evaluation.clustering import label_measures
from nebulatent.evaluation.encode import Model, encode
from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.probes import probe_measures
from nebulatent.latents.anchors import AnchorSet
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic, Variational
from nebulatent.latents.quantized import Codebook
from nebulatent.methods.dec import DEC
from nebulatent.methods.gmvae import GMVAE
from nebulatent.methods.gumbel_vae import GumbelVAE
from nebulatent.methods.info_vae import InfoVAE
from nebulatent.methods.prototypes import DeepKMeans
from nebulatent.methods.vade import VaDE
from nebulatent.methods.vq_vae import VQVAE
from nebulatent.training.fit import fit
from nebulatent.typing import Int, Tensor

Pretrained = Literal["dec", "idec", "vade", "deep-kmeans"]
RivalMethod = Pretrained | Literal["gmvae", "vq-vae", "info-vae", "gumbel-vae"]
CODEBOOK_DECAY = 0.99


@runtime_checkable
class Clusters(Protocol):
    """A method with clusters of its own."""

    def assign(self, z: Tensor) -> Int[Tensor, " codes"]:
        """Cluster of each code."""
        ...


class Sizes:
    """The host network of a setting: what every rival is built from.

    Arguments:
        setting: Its data and budget.
    """

    def __init__(self, setting: Setting) -> None:
        model = Trained(method="vae").plan(setting).model
        self.shape, self.widths, self.latent_dim = model.shape, model.widths, model.latent_dim
        self.epochs, self.beta = setting.budget.epochs, model.beta

    def host(self, bottleneck: type[nn.Module], code_dim: int, decoded_dim: int) -> Autoencoder:
        """Encoder, a bottleneck of `code_dim` numbers, and a decoder of `decoded_dim` of them."""
        encoder = MLPEncoder(self.shape, self.widths)
        decoder = MLPDecoder(decoded_dim, self.shape, self.widths)
        return Autoencoder(encoder, bottleneck(encoder.feature_dim, code_dim), decoder)

    def plain(self, bottleneck: type[nn.Module]) -> Autoencoder:
        """The host as it is."""
        return self.host(bottleneck, self.latent_dim, self.latent_dim)


def build_rival(method: RivalMethod, num_clusters: int, setting: Setting) -> nn.Module:
    """Create a rival with freshly drawn weights; the global random state is not touched."""
    with torch.random.fork_rng():
        torch.manual_seed(setting.seed)
        if method in ("dec", "idec", "vade", "deep-kmeans"):
            return _pretrained(method, num_clusters, Sizes(setting))
        return _other(method, num_clusters, Sizes(setting))


def _pretrained(method: Pretrained, num_clusters: int, sizes: Sizes) -> nn.Module:
    warmup = sizes.epochs // 2
    clusters = AnchorSet(num_clusters, sizes.latent_dim, warmup_epochs=warmup, revive=False)
    if method == "vade":
        return VaDE(sizes.plain(Variational), clusters)
    host = sizes.plain(Deterministic)
    if method == "deep-kmeans":
        return DeepKMeans(host, clusters)
    if method == "dec":
        return DEC(host, clusters)
    return DEC(host, clusters, reconstruction_weight=1.0, clustering_weight=0.1)


def _other(method: RivalMethod, num_clusters: int, sizes: Sizes) -> nn.Module:
    latent = sizes.latent_dim
    if method == "gmvae":
        return GMVAE(sizes.host(Variational, 2 * latent, latent), num_clusters, latent, latent)
    if method == "info-vae":
        return InfoVAE(sizes.plain(Variational))
    if method == "gumbel-vae":
        return GumbelVAE(sizes.host(Deterministic, num_clusters, num_clusters), num_clusters)
    warmup = min(1, sizes.epochs - 1)
    book = Codebook(num_clusters, latent, decay=CODEBOOK_DECAY, warmup_epochs=warmup)
    return VQVAE(sizes.plain(Deterministic), book)


@dataclass(frozen=True, kw_only=True)
class Rival:
    """One method of another paper."""

    method: RivalMethod
    num_clusters: int

    @property
    def name(self) -> str:
        """Method and number of clusters."""
        return f"{self.method}-{self.num_clusters}"

    def __call__(self, setting: Setting) -> Outcome:
        """Train and measure."""
        model = build_rival(self.method, self.num_clusters, setting)
        train(model, setting)
        return Outcome(rival_measures(model, setting.data, setting.seed, self.num_clusters))


def train(model: nn.Module, setting: Setting, *, supervised: bool = False) -> None:
    """Train any method as `trained` does, on labelled batches if it reads labels."""
    data, chosen = setting.data, Trained(method="vae").plan(setting)
    batches = Batches(
        images(data.train),
        torch.from_numpy(labels(data.train)) if supervised else None,
        batch_size=chosen.batch_size,
        seed=setting.seed,
        prepare=data.scaling.apply,
    )
    fit(model, batches, chosen.fit)


def rival_measures(
    model: nn.Module, data: RecipeData, seed: int, num_clusters: int
) -> list[Measure]:
    """All measures of a rival; its own clusters only if it has some."""
    assert isinstance(model, Model)
    known, codes = (
        encode(model, images(table), data.scaling.apply).mean for table in (data.train, data.test)
    )
    # Clusters of a GMVAE depend on z and w; its code, which the decoder sees, is z.
    width = model.latent_dim if isinstance(model, GMVAE) else codes.shape[1]
    z, references = codes[:, :width].numpy(), known[:, :width].numpy()
    own = []
    if isinstance(model, Clusters):
        own = label_measures(model.assign(codes).numpy(), labels(data.test))
    return [
        *reconstruction_rows(model, data),
        *density_measures(model, data, seed),
        *own,
        *on_codes(kmeans_measures(references, z, data, num_clusters, seed)),
        *probe_measures(references, labels(data.train), z, labels(data.test), linear=False),
    ]
