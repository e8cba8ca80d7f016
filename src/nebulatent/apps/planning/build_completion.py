"""What completes grids, 3D-AE or 3D-RecGAN, from its sizes."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from nebulatent.apps.planning.completion_plan import AE, RECONSTRUCTION
from nebulatent.backbones.volumes import VolumeCritic, VolumeDecoder, VolumeEncoder
from nebulatent.latents.autoencoder import Autoencoder
from nebulatent.latents.bottlenecks import Rectified
from nebulatent.latents.skips import SkipAutoencoder
from nebulatent.methods.rec_gan import RecGAN
from nebulatent.methods.vae import VAE
from nebulatent.objectives.likelihoods import WeightedBernoulli
from nebulatent.terms import Terms
from nebulatent.typing import Tensor


class Volumes(NamedTuple):
    """Sizes and weights of both hosts.

    Arguments:
        resolution: Cells along each side.
        channels: Of the levels.
        code: Numbers of a code.
        shortcuts: Whether the decoder sees the encoder's maps.
        filled_weight: What a filled cell weighs, an empty one the rest of 1.
        adversarial_weight: Of the critic's opinion.
    """

    resolution: int
    channels: Sequence[int]
    code: int
    shortcuts: bool
    filled_weight: float
    adversarial_weight: float


def build_completer(
    host: str, sizes: Volumes, latent_terms: Callable[[], Callable[[Tensor], Terms]]
) -> VAE | RecGAN:
    """A host with freshly drawn weights.

    Arguments:
        host: `rec-ae` or `rec-gan`.
        sizes: Of its networks.
        latent_terms: Makes what acts on the codes, with weights of its own.
    """
    resolution, channels, code, shortcuts, *_ = sizes
    encoder = VolumeEncoder(resolution, channels)
    bottleneck = Rectified(encoder.feature_dim, code)
    decoder = VolumeDecoder(code, resolution, channels, skips=shortcuts)
    kind = SkipAutoencoder if shortcuts else Autoencoder
    generator = kind(encoder, bottleneck, decoder)
    # Drawn for both hosts, and before the terms, so that all other weights are always the same.
    critic = VolumeCritic(resolution, channels)
    terms, likelihood = latent_terms(), WeightedBernoulli(sizes.filled_weight)
    if host == AE:
        return VAE(generator, likelihood=likelihood, latent_terms=terms)
    return RecGAN(
        generator,
        critic,
        likelihood=likelihood,
        reconstruction_weight=RECONSTRUCTION,
        adversarial_weight=sizes.adversarial_weight,
        latent_terms=terms,
    )
