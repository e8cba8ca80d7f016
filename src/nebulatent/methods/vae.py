r"""Autoencoder, variational autoencoder, beta-VAE and denoising VAE: one module.

.. math:: L = -\mathbb E_{q(z \mid x)} [\log p(y \mid z)] + \beta\, \mathrm{KL}[q(z \mid x) \,\|\, \mathcal N(0, I)]

| model | how |
|---|---|
| autoencoder | a `Deterministic` bottleneck: no KL term |
| VAE (Kingma & Welling 2014) | a `Variational` bottleneck |
| beta-VAE (Higgins et al. 2017) | `beta` |
| denoising VAE (Im et al. 2017) | batches whose `x` is a corrupted view of `y` |
| any of them + NVC | `latent_terms=NebulaAnchors(...)` |
"""  # noqa: E501

from collections.abc import Callable

from torch import nn

from nebulatent.data.batch import Batch
from nebulatent.latents.autoencoder import Autoencoder, Coding
from nebulatent.latents.posterior import Posterior
from nebulatent.latents.skips import SkipAutoencoder
from nebulatent.objectives.elbo import elbo_terms
from nebulatent.objectives.likelihoods import Bernoulli, Likelihood
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Tensor


class VAE(nn.Module):
    """Creates the objective of a (variational, denoising) autoencoder.

    Arguments:
        autoencoder: Encoder, bottleneck and decoder; `SkipAutoencoder` for shortcuts.
        likelihood: p(y|z); `Bernoulli` for values in [0, 1], `Gaussian` for real values.
        beta: Weight of the KL term.
        latent_terms: Further terms of the posterior mean, such as `NebulaAnchors`.
    """

    def __init__(
        self,
        autoencoder: Autoencoder | SkipAutoencoder,
        *,
        likelihood: Likelihood | None = None,
        beta: float = 1.0,
        latent_terms: Callable[[Tensor], Terms] = no_terms,
    ) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.likelihood = Bernoulli() if likelihood is None else likelihood
        self.beta, self.latent_terms = beta, latent_terms

    def forward(self, batch: Batch) -> Terms:
        """The terms of one batch; its labels are not read."""
        coding = self.code(batch)
        return self.elbo(coding, batch) | self.latent_terms(coding.posterior.mean)

    def code(self, batch: Batch) -> Coding:
        """Posterior, one sample of it, and its reconstruction."""
        return self.autoencoder(batch.x)

    def elbo(self, coding: Coding, batch: Batch) -> Terms:
        """Reconstruction and KL of a coded batch."""
        y = batch.x if batch.y is None else batch.y
        return elbo_terms(coding, y, self.likelihood, kl=coding.posterior.kl(), beta=self.beta)

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x)."""
        return self.autoencoder.encode(x)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The expected data for each code; labels are not read."""
        return self.likelihood.mean(self.autoencoder.decode(z))
