r"""InfoVAE: the codes of all samples together, not of each, are held to the prior.

.. math:: L = -\mathbb E_q[\log p(y|z)] + (1 - \alpha)\, \mathrm{KL}[q(z|x) \| p(z)]
    + (\alpha + \lambda - 1)\, \mathrm{MMD}^2[q(z) \| p(z)]

Source: Zhao, Song, Ermon: InfoVAE: Balancing Learning and Inference in Variational Autoencoders,
AAAI 2019 (arXiv 1706.02262), with MMD as the divergence of q(z).

| quantity | function |
|---|---|
| MMD (Gretton et al., JMLR 2012, unbiased estimate) | `mmd` |
| kernels | `rbf`, `imq` |
| the objective | `InfoVAE` |

With alpha = 1 ("MMD-VAE") nothing keeps the posterior of one sample near the prior: codes inform
most, and the ELBO, which charges that information, is low. alpha = 0 is a VAE with one more term.
"""

from collections.abc import Callable

import torch
from torch import nn

from nebulatent.data.batch import Batch
from nebulatent.latents.autoencoder import Autoencoder, Coding
from nebulatent.latents.posterior import Posterior
from nebulatent.objectives.elbo import elbo_terms
from nebulatent.objectives.likelihoods import Bernoulli, Likelihood
from nebulatent.ops.distances import squared_distances
from nebulatent.ops.processes import gather_rows
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Float, Tensor

Kernel = Callable[[Tensor, int], Tensor]


def rbf(distances: Float[Tensor, "*_"], latent_dim: int) -> Float[Tensor, "*_"]:
    r"""Gaussian kernel :math:`\exp(-d^2 / 2 \ell)` with the dimension :math:`\ell` as variance.

    Authors' code: a variance of half the squared dimension, five times wider at dimension 10.
    """
    return (distances / (-2 * latent_dim)).exp()


def imq(distances: Float[Tensor, "*_"], latent_dim: int) -> Float[Tensor, "*_"]:
    r"""Inverse multiquadratic kernel :math:`C / (C + d^2)`, :math:`C = 2 \ell`; heavier tails.

    Source: Tolstikhin, Bousquet, Gelly, Schölkopf: Wasserstein Auto-Encoders, ICLR 2018, section 4:
        C is the expected squared distance of two draws from N(0, I).
    """
    return 2 * latent_dim / (2 * latent_dim + distances)


def mmd(
    a: Float[Tensor, "rows latent"], b: Float[Tensor, "columns latent"], kernel: Kernel = rbf
) -> Float[Tensor, ""]:
    r"""Squared maximum mean discrepancy of two samples, unbiased: it can be slightly negative.

    .. math:: \mathbb E_{i \neq j}\, k(a_i, a_j) + \mathbb E_{i \neq j}\, k(b_i, b_j)
        - 2\, \mathbb E_{i, j}\, k(a_i, b_j)

    Source: Gretton, Borgwardt, Rasch, Schölkopf, Smola: A Kernel Two-Sample Test, JMLR 2012,
        Lemma 6.
    Unit: none; needs two rows of each. O(rows²).

    Examples:
        >>> a = torch.tensor([[0.0], [1.0], [2.0]])
        >>> mmd(a, a + 50.0) > 0.8
        tensor(True)
    """
    within = sum(_pairs(kernel(squared_distances(rows, rows), rows.shape[1])) for rows in (a, b))
    return within - 2 * kernel(squared_distances(a, b), a.shape[1]).mean()


def _pairs(similarity: Tensor) -> Tensor:
    """Mean over the pairs of different rows."""
    count = len(similarity)
    return (similarity.sum() - similarity.diagonal().sum()) / max(count * (count - 1), 1)


class InfoVAE(nn.Module):
    """Creates the objective of an InfoVAE with MMD.

    Arguments:
        autoencoder: Encoder, `Variational` bottleneck and decoder.
        alpha: Weight of the mutual information of sample and code; 0 to 1.
        scaling: lambda, the weight of the divergence of q(z), beside a reconstruction in nats.
        kernel: Of the MMD; `rbf` or `imq`.
        likelihood: p(y|z).
        latent_terms: Further terms of the posterior mean, such as `NebulaAnchors`.
        gather: Whether processes that train together compare the codes of all.

    Raises:
        ValueError: If `alpha` is above 1 or the weight of the MMD would be negative.
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        *,
        alpha: float = 1.0,
        scaling: float = 1000.0,
        kernel: Kernel = rbf,
        likelihood: Likelihood | None = None,
        latent_terms: Callable[[Tensor], Terms] = no_terms,
        gather: bool = True,
    ) -> None:
        super().__init__()
        if alpha > 1:
            raise ValueError(f"`alpha` must not exceed 1, got {alpha}.")
        if alpha + scaling < 1:
            raise ValueError(f"`alpha` + `scaling` must be at least 1, got {alpha} + {scaling}.")
        self.autoencoder, self.kernel, self.gather = autoencoder, kernel, gather
        self.alpha, self.scaling = alpha, scaling
        self.likelihood = Bernoulli() if likelihood is None else likelihood
        self.latent_terms = latent_terms

    def forward(self, batch: Batch) -> Terms:
        """The terms of one batch; its labels are not read."""
        coding = self.code(batch)
        y = batch.x if batch.y is None else batch.y
        kl = coding.posterior.kl()
        bound = elbo_terms(coding, y, self.likelihood, kl=kl, beta=1 - self.alpha)
        z = gather_rows(coding.z) if self.gather else coding.z
        apart = mmd(z, torch.randn_like(z), self.kernel)
        terms = bound | Terms({"mmd": apart}, {"mmd": self.alpha + self.scaling - 1})
        return terms | self.latent_terms(coding.posterior.mean)

    def code(self, batch: Batch) -> Coding:
        """Posterior, one sample of it, and its reconstruction."""
        return self.autoencoder(batch.x)

    def elbo(self, coding: Coding, batch: Batch) -> Terms:
        """Reconstruction and KL of a coded batch: the bound itself, whatever alpha is."""
        y = batch.x if batch.y is None else batch.y
        return elbo_terms(coding, y, self.likelihood, kl=coding.posterior.kl())

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x)."""
        return self.autoencoder.encode(x)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The expected data for each code; labels are not read."""
        return self.likelihood.mean(self.autoencoder.decode(z))
