"""A model's config → the model: the one place where names become modules."""

from collections.abc import Callable

import torch
from torch import nn

from nebulatent.apps.planning.build_completion import Volumes, build_completer
from nebulatent.apps.planning.build_views import build_view_encoder
from nebulatent.apps.planning.cloud_plan import (
    CHANNELS,
    COUNTED,
    HIDDEN,
    decoded_points,
)
from nebulatent.apps.planning.completion_plan import CompletionConfig
from nebulatent.apps.planning.model_config import ModelConfig
from nebulatent.apps.planning.view_plan import PICTURED, SWITCHED, ViewConfig
from nebulatent.backbones.images import ConvDecoder, ConvEncoder
from nebulatent.backbones.point_decoders import PointMLPDecoder
from nebulatent.backbones.pointnet import PointNetEncoder, PointNetSegmenter
from nebulatent.backbones.vectors import MLPDecoder, MLPEncoder
from nebulatent.backbones.views import MultiViewEncoder
from nebulatent.backbones.voxels import VoxelDecoder, VoxelEncoder
from nebulatent.latents.anchors import AnchorSet, Start
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Deterministic, NormalizedVariational, Variational
from nebulatent.latents.fixed_code import BesideFixed, PartlyFixed
from nebulatent.latents.priors import AnchorMixture
from nebulatent.methods.cvae import CVAE
from nebulatent.methods.nvc import NVC, NebulaAnchors, NebulaWeights
from nebulatent.methods.nvc_released import ReleasedAnchors
from nebulatent.methods.parae import ParAE
from nebulatent.methods.rec_gan import RecGAN
from nebulatent.methods.switch_vae import SwitchVAE
from nebulatent.methods.vae import VAE
from nebulatent.objectives.cloud_likelihoods import ChamferLikelihood
from nebulatent.objectives.likelihoods import Bernoulli, Gaussian, WeightedBernoulli
from nebulatent.terms import Terms, no_terms

START_LOGVAR = -2.0  # noise of a third of the spread; from all of it, the KL wins, codes collapse
CLOUD_LOGVAR = -6.0  # noise of a twentieth of a cloud's radius: Adam moves it by 1 in 1 000 steps

VIEWS = "views"  # what SwitchVAE calls the pictures of a batch
Trained = VAE | CVAE | NVC | ParAE | SwitchVAE | RecGAN
Encoder = MLPEncoder | ConvEncoder | PointNetEncoder | VoxelEncoder | MultiViewEncoder


def build(config: ModelConfig, seed: int) -> Trained:
    """Create a method with freshly drawn weights; the global random state is not touched."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return _method(config)


def find_anchors(model: nn.Module) -> AnchorSet | None:
    """The anchors of a method, or None if it has none."""
    return next((m for m in model.modules() if isinstance(m, AnchorSet)), None)


def _method(config: ModelConfig) -> Trained:
    if config.method == "parae":
        width = config.widths[-1] / CHANNELS[-1]
        encoder = PointNetEncoder(config.shape[1], width=width)
        return ParAE(PointNetSegmenter(config.components, encoder=encoder, width=width))
    if config.completion is not None:
        return _completer(config, config.completion)
    autoencoder = _autoencoder(config)
    likelihood, beta = _likelihood(config), config.beta
    terms = _terms(config)
    if config.host == "cvae":
        return CVAE(
            autoencoder,
            config.num_classes,
            likelihood=likelihood,
            beta=beta,
            latent_terms=terms,
        )
    if config.views is not None and config.host == SWITCHED:
        return _switched(config, config.views, autoencoder, terms)
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


def _completer(config: ModelConfig, completion: CompletionConfig) -> VAE | RecGAN:
    sizes = Volumes(
        resolution=config.shape[-1],
        channels=config.widths,
        code=config.latent_dim,
        shortcuts=completion.shortcuts,
        filled_weight=config.filled_weight,
        adversarial_weight=completion.adversarial_weight,
    )
    return build_completer(config.host, sizes, lambda: _terms(config))


def _switched(
    config: ModelConfig,
    views: ViewConfig,
    autoencoder: Autoencoder,
    terms: Callable[[torch.Tensor], Terms],
) -> SwitchVAE:
    encoder = build_view_encoder(views)
    bottleneck = _bottleneck(config)(encoder.feature_dim, config.latent_dim)
    return SwitchVAE(
        autoencoder,
        {VIEWS: nn.Sequential(encoder, bottleneck)},
        likelihood=_likelihood(config),
        share=views.share,
        switch=views.switch,
        contrastive_weight=views.contrastive_weight,
        stop_gradient=views.stop_gradient,
        beta=config.beta,
        total_correlation_weight=views.total_correlation_weight,
        latent_terms=terms,
    )


def _autoencoder(config: ModelConfig) -> Autoencoder:
    code_dim = config.latent_dim + (config.num_classes if config.host == "cvae" else 0)
    alone = config.views if config.host == PICTURED else None
    encoder = _encoder(config, config.widths) if alone is None else build_view_encoder(alone)
    if config.encoder == "fc":
        decoder = MLPDecoder(code_dim, config.shape, config.widths)
    elif config.encoder == "pointnet":
        decoder = PointMLPDecoder(code_dim, decoded_points(config.shape[0]), HIDDEN)
    elif config.encoder == "voxel":
        decoder = VoxelDecoder(code_dim, config.shape[-1], config.widths[:-1])
    else:
        decoder = ConvDecoder(code_dim, _image_shape(config), config.widths)
    if config.is_consistent:
        fixed = cluster_coder(config)
        beside = BesideFixed(fixed, config.cluster_dim, encoder)
        parted = PartlyFixed(beside.feature_dim, config.cluster_dim, config.latent_dim)
        return Autoencoder(beside, parted, decoder)
    bottleneck = _bottleneck(config)
    return Autoencoder(encoder, bottleneck(encoder.feature_dim, config.latent_dim), decoder)


def _bottleneck(
    config: ModelConfig,
) -> type[Deterministic] | type[Variational] | type[NormalizedVariational]:
    if config.host == "ae":
        return Deterministic
    return NormalizedVariational if config.encoder == "voxel" else Variational


def cluster_coder(config: ModelConfig) -> nn.Sequential:
    """Encoder and linear layer of the cluster part of a code, with freshly drawn weights."""
    encoder = cluster_encoder(config)
    return nn.Sequential(encoder, nn.Linear(encoder.feature_dim, config.cluster_dim))


def cluster_encoder(config: ModelConfig) -> Encoder:
    """The encoder that the anchors of nvc-consistency are found with."""
    return _encoder(config, config.cluster_widths)


def _encoder(config: ModelConfig, widths: tuple[int, ...]) -> Encoder:
    if config.encoder == "fc":
        return MLPEncoder(config.shape, widths)
    if config.encoder == "pointnet":
        return PointNetEncoder(config.shape[1], width=widths[-1] / CHANNELS[-1])
    if config.encoder == "voxel":
        *channels, features = widths
        return VoxelEncoder(config.shape[-1], channels, features)
    return ConvEncoder(_image_shape(config), widths)


def _image_shape(config: ModelConfig) -> tuple[int, int, int]:
    channels, height, width = config.shape
    return channels, height, width


def _likelihood(
    config: ModelConfig,
) -> Bernoulli | WeightedBernoulli | Gaussian | ChamferLikelihood:
    if config.likelihood == "chamfer":
        chamfer = ChamferLikelihood(COUNTED)
        nn.init.constant_(chamfer.logvar, CLOUD_LOGVAR)
        return chamfer
    if config.likelihood == "bernoulli":
        return Bernoulli()
    if config.likelihood == "weighted":
        return WeightedBernoulli(config.filled_weight)
    gaussian = Gaussian(config.shape[0] if len(config.shape) == 1 else 1)
    nn.init.constant_(gaussian.logvar, START_LOGVAR)
    return gaussian


def _terms(config: ModelConfig) -> Callable[[torch.Tensor], Terms]:
    return _latent_terms(config) if config.has_anchors else no_terms


def _latent_terms(config: ModelConfig) -> NebulaAnchors | ReleasedAnchors:
    if config.is_consistent:
        return _fixed_anchors(config)
    anchors = AnchorSet(
        config.num_anchors,
        config.latent_dim,
        start=_start(config),
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


def _start(config: ModelConfig) -> Start:
    """Where the anchors begin: before any training, all classes have the same mean."""
    if not config.supervised:
        return "kmeans"
    return "classes" if config.warmup_epochs else "normal"


def _fixed_anchors(config: ModelConfig) -> NebulaAnchors:
    """Anchors that stay where they were put, and add no terms.

    In the second part of a code they are 0: that part is as far from all of them, so a code's
    nearest anchor is the nearest one in its cluster part.
    """
    size = (config.num_anchors, config.latent_dim)
    anchors = AnchorSet(*size, start="normal", revive=False)
    anchors.positions.data[:, config.cluster_dim :] = 0
    anchors.requires_grad_(False)
    return NebulaAnchors(*size, weights=NebulaWeights(0.0, 0.0, 0.0), anchors=anchors)
