"""A model's config → the model: the one place where names become modules."""

import torch
from torch import nn

from nebulatent.apps.model_config import ModelConfig
from nebulatent.backbones.images import ConvDecoder, ConvEncoder
from nebulatent.backbones.vectors import MLPDecoder, MLPEncoder
from nebulatent.latents.anchors import AnchorSet
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic, Variational
from nebulatent.latents.priors import AnchorMixture
from nebulatent.methods.cvae import CVAE
from nebulatent.methods.nvc import NVC, NebulaAnchors, NebulaWeights
from nebulatent.methods.nvc_released import ReleasedAnchors
from nebulatent.methods.vae import VAE
from nebulatent.objectives.likelihoods import Bernoulli, Gaussian
from nebulatent.terms import no_terms

START_LOGVAR = -2.0  # noise of a third of the spread; from all of it, the KL wins, codes collapse


def build(config: ModelConfig, seed: int) -> VAE | CVAE | NVC:
    """Create a method with freshly drawn weights; the global random state is not touched."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return _method(config)


def find_anchors(model: nn.Module) -> AnchorSet | None:
    """The anchors of a method, or None if it has none."""
    return next((m for m in model.modules() if isinstance(m, AnchorSet)), None)


def _method(config: ModelConfig) -> VAE | CVAE | NVC:
    autoencoder = _autoencoder(config)
    likelihood, beta = _likelihood(config), config.beta
    terms = _latent_terms(config) if config.has_anchors else no_terms
    if config.host == "cvae":
        return CVAE(
            autoencoder,
            config.num_classes,
            likelihood=likelihood,
            beta=beta,
            latent_terms=terms,
        )
    if not isinstance(terms, NebulaAnchors):
        return VAE(autoencoder, likelihood=likelihood, beta=beta, latent_terms=terms)
    mixture = None
    if config.prior == "anchors":
        mixture = AnchorMixture(config.num_anchors, config.latent_dim)
    return NVC(
        autoencoder,
        terms,
        likelihood=likelihood,
        beta=beta,
        prior=mixture,
        supervised=config.supervised,
    )


def _autoencoder(config: ModelConfig) -> Autoencoder:
    code_dim = config.latent_dim + (config.num_classes if config.host == "cvae" else 0)
    if config.encoder == "fc":
        encoder = MLPEncoder(config.shape, config.widths)
        decoder = MLPDecoder(code_dim, config.shape, config.widths)
    else:
        channels, height, width = config.shape
        shape = (channels, height, width)
        encoder = ConvEncoder(shape, config.widths)
        decoder = ConvDecoder(code_dim, shape, config.widths)
    bottleneck = Deterministic if config.host == "ae" else Variational
    return Autoencoder(encoder, bottleneck(encoder.feature_dim, config.latent_dim), decoder)


def _likelihood(config: ModelConfig) -> Bernoulli | Gaussian:
    if config.likelihood == "bernoulli":
        return Bernoulli()
    gaussian = Gaussian(config.shape[0] if len(config.shape) == 1 else 1)
    nn.init.constant_(gaussian.logvar, START_LOGVAR)
    return gaussian


def _latent_terms(config: ModelConfig) -> NebulaAnchors | ReleasedAnchors:
    anchors = AnchorSet(
        config.num_anchors,
        config.latent_dim,
        start="classes" if config.supervised else "kmeans",
        warmup_epochs=config.warmup_epochs,
    )
    if config.form == "released":
        return ReleasedAnchors(config.num_anchors, config.latent_dim, anchors=anchors)
    return NebulaAnchors(
        config.num_anchors,
        config.latent_dim,
        metric=config.method == "nvc-ml",
        form=config.form,
        weights=NebulaWeights(config.nebula_weight, config.pair_weight, config.triplet_weight),
        anchors=anchors,
    )
