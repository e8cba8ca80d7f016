r"""Gaussian mixture VAE: noise w chooses the shape of the clusters, a cluster k the code z.

.. math:: w \sim \mathcal N(0, I), \quad k \sim \text{uniform}, \quad
    z \sim \mathcal N(\mu_k(w), \sigma_k^2(w)), \quad y \sim p(y|z)

.. math:: L = -\mathbb E_q[\log p(y|z)] + \sum_k \pi_k \mathrm{KL}[q(z|x) \| p(z|w, k)]
    + \mathrm{KL}[q(w|x) \| p(w)] + \max\bigl(\lambda, \mathrm{KL}[\pi \| \text{uniform}]\bigr)

.. math:: \pi_k = p(k \mid z, w) \propto \mathcal N(z; \mu_k(w), \sigma_k^2(w))

Source: Dilokthanakul, Mediano, Garnelo, Lee, Salimbeni, Arulkumaran, Shanahan: Deep Unsupervised
Clustering with Gaussian Mixture Variational Autoencoders, 2016, arXiv 1611.02648. There our z is
called x, our k is z, our y and x are y.

| term of the bound (section 3.2 of the paper) | function |
|---|---|
| conditional prior, w-prior, z-prior | `GMVAE.divergences` |
| posterior of the cluster, by Bayes | `GMVAE.assign_probabilities` |
| minimum information constraint | `free_nats` |

Why this variant: Wang et al., TPAMI 2022, cite it for the GMVAE rows of their Table 3. The variant
of Shu's blog and `jariasf/GMVAE` infers k from x by a network (Gumbel-softmax q(k|x)) and has no w;
here k is never sampled or inferred: its posterior is exact given z and w.

Our reading: one sample of z and w (M = 1 of the paper); the code of a sample is z and w in a row,
    so that everything the bound needs is in its posterior.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from nebulatent.data.batch import Batch
from nebulatent.latents.autoencoder import Autoencoder, Coding
from nebulatent.latents.bottlenecks import LOGVAR_RANGE
from nebulatent.latents.gaussians import gaussian_kl, gaussian_log_density
from nebulatent.latents.posterior import DiagonalGaussian, Posterior
from nebulatent.objectives.elbo import elbo_terms
from nebulatent.objectives.likelihoods import Bernoulli, Likelihood
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Float, Int, Tensor


class Divergences(NamedTuple):
    """What the bound takes from the reconstruction, each per sample in nats.

    Arguments:
        code: Conditional prior term: q(z|x) from the clusters that are likely.
        noise: q(w|x) from N(0, I).
        cluster: Posterior of the cluster from the uniform one.
    """

    code: Float[Tensor, " codes"]
    noise: Float[Tensor, " codes"]
    cluster: Float[Tensor, " codes"]


class GMVAE(nn.Module):
    """Creates the objective of a GMVAE.

    Arguments:
        autoencoder: Its `Variational` bottleneck has `latent_dim + noise_dim` dimensions, z and w;
            its decoder takes the first `latent_dim`.
        num_clusters: Number of clusters K.
        latent_dim: Dimension of z.
        noise_dim: Dimension of w.
        hidden_dim: Units of the network from w to means and variances (500 in the authors' code).
        free_nats: lambda: the cluster term costs at least this, so that below it nothing pulls all
            clusters together; at most log K. 0 is the plain bound.
        likelihood: p(y|z).
        latent_terms: Further terms of the mean of q(z|x), such as `NebulaAnchors`.

    Raises:
        ValueError: If a size is not positive or `free_nats` is not in 0..log K.
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        num_clusters: int,
        latent_dim: int,
        noise_dim: int,
        *,
        hidden_dim: int = 128,
        free_nats: float = 0.0,
        likelihood: Likelihood | None = None,
        latent_terms: Callable[[Tensor], Terms] = no_terms,
    ) -> None:
        super().__init__()
        sizes = {"num_clusters": num_clusters, "latent_dim": latent_dim, "noise_dim": noise_dim}
        for name, size in (sizes | {"hidden_dim": hidden_dim}).items():
            if size < 1:
                raise ValueError(f"`{name}` must be positive, got {size}.")
        if not 0 <= free_nats <= math.log(num_clusters):
            raise ValueError(
                f"`free_nats` must lie in 0..log K = {math.log(num_clusters):.3g}, got {free_nats}."
            )
        self.autoencoder, self.free_nats = autoencoder, free_nats
        self.num_clusters, self.latent_dim, self.noise_dim = num_clusters, latent_dim, noise_dim
        self.shape_net = nn.Sequential(
            nn.Linear(noise_dim, hidden_dim),
            nn.Tanh(),
            nn.Linear(hidden_dim, 2 * num_clusters * latent_dim),
        )
        self.likelihood = Bernoulli() if likelihood is None else likelihood
        self.latent_terms = latent_terms

    def forward(self, batch: Batch) -> Terms:
        """The terms of one batch; its labels are not read."""
        coding = self.code(batch)
        divergences = self.divergences(coding)
        terms = self._bound(coding, batch, divergences)
        if self.free_nats:
            missing = (self.free_nats - divergences.cluster.mean()).clamp_min(0)
            terms = terms | Terms({"free": missing})
        return terms | self.latent_terms(coding.posterior.mean[:, : self.latent_dim])

    def code(self, batch: Batch) -> Coding:
        """Posterior of z and w, one sample of it, and the reconstruction of z."""
        posterior = self.encode(batch.x)
        z = posterior.rsample()
        recon = self.autoencoder.decode(z[:, : self.latent_dim])
        return Coding(batch.x, posterior, z, recon)

    def elbo(self, coding: Coding, batch: Batch) -> Terms:
        """Reconstruction, and the three divergences as one; lambda is not part of the bound."""
        return self._bound(coding, batch, self.divergences(coding))

    def _bound(self, coding: Coding, batch: Batch, divergences: Divergences) -> Terms:
        y = batch.x if batch.y is None else batch.y
        kl = divergences.code + divergences.noise + divergences.cluster
        return elbo_terms(coding, y, self.likelihood, kl=kl)

    def divergences(self, coding: Coding) -> Divergences:
        """Conditional prior, w-prior and z-prior terms, at one sample of z and w.

        Raises:
            TypeError: If the posterior is not a diagonal Gaussian.
        """
        posterior = coding.posterior
        if not isinstance(posterior, DiagonalGaussian):
            raise TypeError(
                f"`autoencoder` must have a `Variational` bottleneck, got {type(posterior)}."
            )
        mean, logvar = (part[:, : self.latent_dim].unsqueeze(1) for part in posterior)
        noise = DiagonalGaussian(*(part[:, self.latent_dim :] for part in posterior))
        means, logvars = self.components(coding.z[:, self.latent_dim :])
        log_share = self._log_shares(coding.z, means, logvars)
        share = log_share.exp()
        return Divergences(
            code=(share * gaussian_kl(mean, logvar, means, logvars)).sum(1),
            noise=noise.kl(),
            cluster=(share * log_share).sum(1) + math.log(self.num_clusters),
        )

    def components(
        self, noise: Float[Tensor, "codes noise"]
    ) -> tuple[Float[Tensor, "codes anchors latent"], Float[Tensor, "codes anchors latent"]]:
        """Means and log variances of the clusters for each w."""
        moments = self.shape_net(noise).unflatten(1, (self.num_clusters, 2 * self.latent_dim))
        means, logvars = moments.chunk(2, dim=2)
        return means, logvars.clamp(*LOGVAR_RANGE)

    def _log_shares(self, z: Tensor, means: Tensor, logvars: Tensor) -> Tensor:
        code = z[:, : self.latent_dim].unsqueeze(1)
        return gaussian_log_density(code, means, logvars).log_softmax(1)

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x) and q(w|x) in a row."""
        return self.autoencoder.encode(x)

    def decode(self, z: Float[Tensor, "codes latent"], label: Tensor | None = None) -> Tensor:
        """The expected data for each code, whose w is not read; labels are not read."""
        return self.likelihood.mean(self.autoencoder.decode(z[:, : self.latent_dim]))

    def assign_probabilities(
        self, z: Float[Tensor, "codes latent"]
    ) -> Float[Tensor, "codes anchors"]:
        """Posterior of the cluster given z and w, a code as `encode` gives it."""
        return self._log_shares(z, *self.components(z[:, self.latent_dim :])).exp()

    def assign(self, z: Float[Tensor, "codes latent"]) -> Int[Tensor, " codes"]:
        """The most probable cluster of each code; no gradient."""
        with torch.no_grad():
            return self.assign_probabilities(z).argmax(1)
