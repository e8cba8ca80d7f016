r"""A tight lower bound on the log-evidence: many draws of a posterior, weighted by importance.

.. math:: \log p(x) \;\ge\; \mathbb E_{z_1 \dots z_K \sim q(z|x)}
    \log \frac1K \sum_k \frac{p(x, z_k)}{q(z_k | x)}

At K = 1 this is the ELBO; it never falls with K and tends to log p(x). Models of the same data with
different priors compare by it, even where their ELBOs are loose to different degrees.

Source: Burda, Grosse, Salakhutdinov: Importance Weighted Autoencoders, ICLR 2016, Eq. (8); K = 500
there and here.
"""

import math
from collections.abc import Callable

import torch

from nebulatent.data.rows import Rows
from nebulatent.evaluation.encode import Prepare, chunks
from nebulatent.latents.gaussians import gaussian_log_density
from nebulatent.latents.posterior import LOG_2PI, DiagonalGaussian
from nebulatent.methods.gmvae import GMVAE
from nebulatent.methods.info_vae import InfoVAE
from nebulatent.methods.nvc import NVC
from nebulatent.methods.vade import VaDE
from nebulatent.methods.vae import VAE
from nebulatent.typing import Float, Tensor

VALUES = 2**22  # values of reconstructions held at once: 16 MiB in single precision
DRAWS = 500
Generative = VAE | NVC | VaDE | InfoVAE | GMVAE


@torch.no_grad()
def importance_bounds(
    model: Generative,
    x: Tensor | Rows,
    prepare: Prepare,
    *,
    generator: torch.Generator,
    draws: int = DRAWS,
) -> Float[Tensor, " samples"]:
    """The bound of each sample, in nats and double precision; their mean is what papers print.

    Arguments:
        model: Trained, in eval mode; `beta`, anchors' terms and `free_nats` are no part of it.
        x: Samples.
        prepare: What training applied to a batch of them.
        generator: Draws the codes.
        draws: K; memory does not grow with it.

    Raises:
        ValueError: If `draws` is not positive or there is no sample.
        TypeError: If the posterior has no density.
    """
    if draws < 1:
        raise ValueError(f"`draws` must be at least 1, got {draws}.")
    if not len(x):
        raise ValueError("`x` must hold at least one sample, got none.")
    bounds = []
    for batch in chunks(x, prepare):
        posterior = model.encode(batch.x)
        if not isinstance(posterior, DiagonalGaussian):
            raise TypeError(
                f"`model` must have a `Variational` bottleneck, got a {type(posterior).__name__} "
                "posterior, which has no density."
            )
        at_once = max(1, VALUES // batch.x.numel())

        def log_joint(z: Tensor, y: Tensor = batch.x) -> Tensor:
            return _log_joint(model, z, y)

        bounds.append(importance_bound(posterior, log_joint, draws, generator, at_once=at_once))
    return torch.cat(bounds)


def importance_bound(
    posterior: DiagonalGaussian,
    log_joint: Callable[[Tensor], Tensor],
    draws: int,
    generator: torch.Generator,
    *,
    at_once: int = 1,
) -> Float[Tensor, " codes"]:
    """The bound of each sample of a batch, for any joint density.

    Arguments:
        posterior: q(z|x), one row per sample.
        log_joint: Maps codes `(draws, codes, latent)` to log p(x, z) of shape `(draws, codes)`.
        draws: K.
        generator: Draws the codes.
        at_once: Draws given to `log_joint` at a time; it changes no draw.
    """
    mean, spread = posterior.mean, (0.5 * posterior.logvar).exp()
    total = mean.new_full((len(mean),), -math.inf, dtype=torch.float64)
    for start in range(0, draws, at_once):
        count = min(at_once, draws - start)
        noise = torch.stack([_noise(mean, generator) for _ in range(count)])
        log_q = -0.5 * (noise.square() + posterior.logvar + LOG_2PI).double().sum(2)
        weight = log_joint(mean + spread * noise).double() - log_q
        total = total.logaddexp(weight.logsumexp(0))
    return total - math.log(draws)


def _noise(like: Tensor, generator: torch.Generator) -> Tensor:
    """One draw for each code, the same on every device of the model."""
    noise = torch.randn(like.shape, generator=generator, device=generator.device, dtype=like.dtype)
    return noise.to(like.device)


def _log_joint(model: Generative, z: Tensor, y: Tensor) -> Float[Tensor, "draws codes"]:
    """The sum of log p(y|z) and log p(z) of several draws for each sample, in double precision."""
    codes = z.flatten(0, 1)
    visible = codes[:, : model.latent_dim] if isinstance(model, GMVAE) else codes
    recon = model.autoencoder.decode(visible)
    error = model.likelihood(recon, y.repeat(len(z), *[1] * (y.ndim - 1)))
    return (log_prior(model, codes).double() - error.double()).unflatten(0, z.shape[:2])


def log_prior(model: Generative, z: Float[Tensor, "codes latent"]) -> Float[Tensor, " codes"]:
    r"""Log-density of codes under the prior that the model was trained with, in nats.

    N(0, I); the mixture around the anchors for `NVC` with one (once they act) and for `VaDE`; for
    `GMVAE`, whose code is z and w in a row,

    .. math:: \log \mathcal N(w; 0, I) + \log \tfrac1K \sum_k \mathcal N(z; \mu_k(w), \sigma_k^2(w))
    """
    if isinstance(model, GMVAE):
        code, noise = z[:, : model.latent_dim], z[:, model.latent_dim :]
        clusters = gaussian_log_density(code.unsqueeze(1), *model.components(noise)).logsumexp(1)
        return clusters - math.log(model.num_clusters) + _standard_normal(noise)
    if isinstance(model, VaDE):
        return model.mixture.log_prob(z, model.clusters.positions)
    if isinstance(model, NVC) and model.prior is not None and model.latent_terms.anchors.active:
        return model.prior.log_prob(z, model.latent_terms.anchors.positions)
    return _standard_normal(z)


def _standard_normal(z: Tensor) -> Tensor:
    return -0.5 * (z.square() + LOG_2PI).sum(1)
