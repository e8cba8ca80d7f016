"""How to build everything that the laws hold for: one line per method, network and likelihood.

A new public module needs a line here; `test_coverage.py` fails until it has one.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from nebulatent.backbones.images import ConvDecoder, ConvEncoder
from nebulatent.backbones.resnet import ResNet18
from nebulatent.backbones.vectors import MLPDecoder, MLPEncoder
from nebulatent.backbones.views import MultiViewEncoder
from nebulatent.backbones.volumes import VolumeCritic, VolumeDecoder, VolumeEncoder
from nebulatent.backbones.voxels import VoxelDecoder, VoxelEncoder
from nebulatent.data.batch import Batch
from nebulatent.latents.anchors import AnchorSet
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import (
    Deterministic,
    NormalizedVariational,
    Rectified,
    Variational,
)
from nebulatent.latents.fixed_code import BesideFixed, PartlyFixed
from nebulatent.latents.priors import AnchorMixture
from nebulatent.latents.quantized import Codebook
from nebulatent.latents.skips import SkipAutoencoder
from nebulatent.methods.cvae import CVAE
from nebulatent.methods.dec import DEC
from nebulatent.methods.gmvae import GMVAE
from nebulatent.methods.gumbel_vae import GumbelVAE
from nebulatent.methods.info_vae import InfoVAE, imq
from nebulatent.methods.nvc import NVC, NebulaAnchors
from nebulatent.methods.nvc_consistency import NVCConsistency
from nebulatent.methods.nvc_released import ReleasedAnchors
from nebulatent.methods.prototypes import DeepKMeans
from nebulatent.methods.rec_gan import RecGAN
from nebulatent.methods.switch_vae import SwitchVAE
from nebulatent.methods.vade import VaDE
from nebulatent.methods.vae import VAE
from nebulatent.methods.vq_vae import VQVAE
from nebulatent.objectives.likelihoods import Bernoulli, Gaussian

FEATURES, LATENT, ANCHORS, ROWS = 6, 4, 3, 24
IMAGE = (2, 5, 7)


class Case(NamedTuple):
    """A method, the batch it sees, and whether it is one of those that read labels."""

    name: str
    build: Callable[[], nn.Module]
    batch: Callable[[], Batch]
    supervised: bool = False


def host(
    bottleneck: type[nn.Module] = Variational, condition: int = 0, noise: int = 0
) -> Autoencoder:
    """Fully connected autoencoder of vectors.

    The decoder takes `condition` inputs more than a code, and `noise` dimensions of it less.
    """
    encoder = MLPEncoder((FEATURES,), (16, 8))
    decoder = MLPDecoder(LATENT + condition, (FEATURES,), (16, 8))
    return Autoencoder(encoder, bottleneck(8, LATENT + noise), decoder)


def conv_host() -> Autoencoder:
    """Convolutional autoencoder of images with odd sides."""
    encoder = ConvEncoder(IMAGE, (3, 4), 8)
    return Autoencoder(encoder, Variational(8, LATENT), ConvDecoder(LATENT, IMAGE, (3, 4)))


def anchors(**options: Any) -> AnchorSet:  # noqa: ANN401
    """Anchors closer than 1 to one another, where every force acts."""
    module = AnchorSet(ANCHORS, LATENT, **options)
    module.positions.data *= 0.1
    return module


def nebula(**options: Any) -> NebulaAnchors:  # noqa: ANN401
    """Anchors with the terms that `options` name."""
    return NebulaAnchors(ANCHORS, LATENT, anchors=anchors(), **options)


def idec() -> DEC:
    """DEC with the reconstruction kept: without it the decoder has no gradient."""
    return DEC(host(Deterministic), anchors(), reconstruction_weight=1.0, clustering_weight=0.1)


def released(order: Any) -> ReleasedAnchors:  # noqa: ANN401
    """Anchors with the released code's terms."""
    return ReleasedAnchors(ANCHORS, LATENT, order=order, anchors=anchors())


def vectors() -> Batch:
    """Rows in [0, 1] in three shifted groups, with labels that have nothing to do with them."""
    shift = torch.arange(ROWS).remainder(3).unsqueeze(1) - 1
    return Batch((torch.randn(ROWS, FEATURES) + 2 * shift).sigmoid(), label=labels())


def corrupted() -> Batch:
    """The same rows for the decoder, half of their entries removed for the encoder."""
    y = vectors().x
    return Batch(y * torch.randint(0, 2, y.shape), y=y, label=labels())


def images() -> Batch:
    """Images in [0, 1]."""
    return Batch(torch.rand(ROWS, *IMAGE), label=labels())


def two_forms() -> Batch:
    """Rows in [0, 1], and the first of their features as another form of them."""
    batch = vectors()
    return batch._replace(also={"views": batch.x[:, :2].contiguous()})


def switched() -> SwitchVAE:
    """Two encoders and one decoder; the switch stands on the first."""
    other = nn.Sequential(MLPEncoder((2,), (16, 8)), NormalizedVariational(8, LATENT))
    return SwitchVAE(host(), {"views": other}, latent_terms=nebula(metric=True))


def labels() -> Tensor:
    """Random classes, each present."""
    return torch.randperm(ROWS).remainder(ANCHORS)


def partly_fixed() -> Autoencoder:
    """A code whose first part is not trained, so that not every parameter gets a gradient."""
    fixed = torch.nn.Sequential(MLPEncoder((FEATURES,), (8,)), torch.nn.Linear(8, 2))
    beside = BesideFixed(fixed, 2, MLPEncoder((FEATURES,), (16, 8)))
    parted = PartlyFixed(beside.feature_dim, 2, LATENT)
    return Autoencoder(beside, parted, MLPDecoder(LATENT, (FEATURES,), (16, 8)))


def consistent() -> NVCConsistency:
    """The second stage of NVC with consistency; it decodes nothing, so it has laws of its own."""
    groups = torch.arange(ROWS).remainder(ANCHORS)
    start = {"start": "normal", "revive": False}
    return NVCConsistency(
        MLPEncoder((FEATURES,), (16, 8)),
        Deterministic(8, LATENT),
        AnchorSet(2 * ANCHORS, LATENT, **start),
        AnchorSet(ANCHORS, LATENT, **start),
        groups=groups,
    )


def adversarial() -> RecGAN:
    """Two players, whose sum is no loss of either: it has laws of its own."""
    encoder = VolumeEncoder(8, (2, 3))
    bottleneck = Rectified(encoder.feature_dim, LATENT)
    host = SkipAutoencoder(encoder, bottleneck, VolumeDecoder(LATENT, 8, (2, 3), skips=True))
    return RecGAN(host, VolumeCritic(8, (2, 3)))


METHODS = [
    Case("AE", lambda: VAE(host(Deterministic)), vectors),
    Case("VAE", lambda: VAE(host()), vectors),
    Case("VAE gaussian", lambda: VAE(host(), likelihood=Gaussian(FEATURES)), vectors),
    Case("beta-VAE", lambda: VAE(host(), beta=4.0), vectors),
    Case("DVAE", lambda: VAE(host()), corrupted),
    Case("VAE conv", lambda: VAE(conv_host()), images),
    Case("VAE + nebula", lambda: VAE(host(), latent_terms=nebula(metric=True)), vectors),
    Case("DVAE + nebula", lambda: VAE(host(), latent_terms=nebula(metric=True)), corrupted),
    Case("CVAE", lambda: CVAE(host(condition=3), 3), vectors, supervised=True),
    Case(
        "CVAE + nebula",
        lambda: CVAE(host(condition=3), 3, latent_terms=nebula(metric=True)),
        vectors,
        supervised=True,
    ),
    Case("AE + NVC-ML", lambda: NVC(host(Deterministic), nebula(metric=True)), vectors),
    Case("NVC log1p", lambda: NVC(host(), nebula()), vectors),
    Case("NVC clamped", lambda: NVC(host(), nebula(form="clamped")), vectors),
    Case("NVC literal", lambda: NVC(host(), nebula(form="literal")), vectors),
    Case("NVC euclidean", lambda: NVC(host(), nebula(form="euclidean")), vectors),
    Case("NVC-ML", lambda: NVC(host(), nebula(metric=True)), vectors),
    Case("NVC-ML conv", lambda: NVC(conv_host(), nebula(metric=True)), images),
    Case("NVC-ML denoising", lambda: NVC(host(), nebula(metric=True)), corrupted),
    Case(
        "NVC + mixture prior",
        lambda: NVC(host(), nebula(), prior=AnchorMixture(ANCHORS, LATENT)),
        vectors,
    ),
    Case(
        "NVC-ML supervised",
        lambda: NVC(host(), nebula(metric=True), supervised=True),
        vectors,
        supervised=True,
    ),
    Case("GMVAE", lambda: GMVAE(host(noise=2), ANCHORS, LATENT, 2), vectors),
    Case("GMVAE free", lambda: GMVAE(host(noise=2), ANCHORS, LATENT, 2, free_nats=1.0), vectors),
    Case("VQ-VAE", lambda: VQVAE(host(Deterministic), Codebook(ANCHORS, LATENT)), vectors),
    Case("VQ-VAE parts", lambda: VQVAE(host(Deterministic), Codebook(ANCHORS, 2)), vectors),
    Case("VaDE", lambda: VaDE(host(), anchors()), vectors),
    Case("IDEC", idec, vectors),
    Case("InfoVAE", lambda: InfoVAE(host()), vectors),
    Case("InfoVAE imq", lambda: InfoVAE(host(), alpha=0.5, kernel=imq), vectors),
    Case("Gumbel-softmax VAE", lambda: GumbelVAE(host(Deterministic), 2), vectors),
    Case("deep k-means", lambda: DeepKMeans(host(Deterministic), anchors()), vectors),
    Case("SwitchVAE + nebula", switched, two_forms),
    Case("VAE + released -1", lambda: VAE(host(), latent_terms=released(-1)), vectors),
    Case("VAE + released 1", lambda: VAE(host(), latent_terms=released(1)), vectors),
    Case("VAE + released 2", lambda: VAE(host(), latent_terms=released(2)), vectors),
    Case("VAE + released 3", lambda: VAE(host(), latent_terms=released(3)), vectors),
]

SELF_SUPERVISED = [case for case in METHODS if not case.supervised]

LIKELIHOODS = [
    ("Bernoulli", Bernoulli),
    ("Gaussian", lambda: Gaussian(FEATURES)),
    ("Gaussian shared", Gaussian),
]

ENCODERS = [
    ("MLP vectors", lambda: MLPEncoder((FEATURES,), (8, 5)), (FEATURES,)),
    ("MLP images", lambda: MLPEncoder(IMAGE, (8, 5)), IMAGE),
    ("conv odd", lambda: ConvEncoder(IMAGE, (3, 4), 5), IMAGE),
    ("conv one pixel", lambda: ConvEncoder((1, 1, 1), (3,), 5), (1, 1, 1)),
    ("conv thin", lambda: ConvEncoder((3, 1, 9), (2, 3, 4), 5), (3, 1, 9)),
    ("conv even", lambda: ConvEncoder((1, 8, 8), (2, 3, 4), 5), (1, 8, 8)),
    ("residual", lambda: ResNet18(33, 5, in_channels=1, widths=(2, 2, 3, 3)), (1, 33, 33)),
    (
        "views",
        lambda: MultiViewEncoder(ConvEncoder(IMAGE, (3,), 4), "max", feature_dim=4),
        (2, *IMAGE),
    ),
    ("volumes", lambda: VolumeEncoder(8, (2, 3)), (1, 8, 8, 8)),
    ("voxels", lambda: VoxelEncoder(12, (2, 3, 2, 3), 5), (1, 12, 12, 12)),
    ("voxels width", lambda: VoxelEncoder(12, (2, 3, 2, 3), 5, normalize="width"), (1, 12, 12, 12)),
]

DECODERS = [
    ("MLP vectors", lambda: MLPDecoder(LATENT, (FEATURES,), (8, 5)), (FEATURES,)),
    ("MLP images", lambda: MLPDecoder(LATENT, IMAGE, (8, 5)), IMAGE),
    ("conv odd", lambda: ConvDecoder(LATENT, IMAGE, (3, 4)), IMAGE),
    ("conv one pixel", lambda: ConvDecoder(LATENT, (1, 1, 1), (3,)), (1, 1, 1)),
    ("conv thin", lambda: ConvDecoder(LATENT, (3, 1, 9), (2, 3, 4)), (3, 1, 9)),
    ("conv even", lambda: ConvDecoder(LATENT, (1, 8, 8), (2, 3, 4)), (1, 8, 8)),
    ("volumes", lambda: VolumeDecoder(LATENT, 8, (2, 3)), (1, 8, 8, 8)),
    ("voxels", lambda: VoxelDecoder(LATENT, 12, (2, 3, 2, 3)), (1, 12, 12, 12)),
]


class RowNoise(TorchFunctionMode):
    """The posterior's noise as a function of its row: it moves with the row and the precision."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,  # noqa: ANN401
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401
        if func is torch.randn_like:
            return torch.cos(3 * args[0].detach())
        return func(*args, **(kwargs or {}))
