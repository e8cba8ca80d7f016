r"""Diagonal Gaussians side by side: divergences and densities, broadcast but for the last axis.

.. math:: \mathrm{KL}[\mathcal N(\mu, e^v) \,\|\, \mathcal N(m, e^s)] =
    \tfrac12 \sum_j s_j - v_j + e^{v_j - s_j} + (\mu_j - m_j)^2 e^{-s_j} - 1
"""

from nebulatent.latents.posterior import LOG_2PI
from nebulatent.ops.distances import at_least_single
from nebulatent.typing import Float, Tensor


def gaussian_kl(
    mean: Float[Tensor, "*_ latent"],
    logvar: Float[Tensor, "*_ latent"],
    other_mean: Float[Tensor, "*_ latent"],
    other_logvar: Float[Tensor, "*_ latent"],
) -> Float[Tensor, "*_"]:
    """Divergence of the first Gaussian from the second, in nats; never negative."""
    mean, logvar = at_least_single(mean), at_least_single(logvar)
    ratio = logvar - at_least_single(other_logvar)
    offset = (mean - other_mean).square() * (-other_logvar).exp()
    return 0.5 * (ratio.exp() + offset - 1 - ratio).sum(-1)


def gaussian_log_density(
    z: Float[Tensor, "*_ latent"],
    mean: Float[Tensor, "*_ latent"],
    logvar: Float[Tensor, "*_ latent"],
) -> Float[Tensor, "*_"]:
    """Log-density of z, in nats."""
    z, logvar = at_least_single(z), at_least_single(logvar)
    scaled = (z - mean).square() * (-logvar).exp()
    return -0.5 * (scaled + logvar + LOG_2PI).sum(-1)
