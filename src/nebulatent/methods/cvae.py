r"""Conditional VAE: the decoder is told the class, so that the code need not carry it.

.. math:: L = -\mathbb E_{q(z|x)} [\log p(y \mid z, c)] + \beta\, \mathrm{KL}[q(z|x) \| \mathcal N(0, I)]

Source: Sohn, Lee, Yan: Learning Structured Output Representation using Deep Conditional Generative
Models, NeurIPS 2015, Eq. (4); Wang et al., TPAMI 2022, Table 2 ("CVAE").
Our reading: the encoder is not told the class. Sohn's q(z|x, y) is the richer family, but an image
    of a digit already says which digit it is, and this way unlabelled samples can be encoded.
"""  # noqa: E501

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from nebulatent.data.batch import Batch
from nebulatent.latents.autoencoder import Autoencoder, Coding
from nebulatent.latents.posterior import Posterior
from nebulatent.objectives.elbo import elbo_terms
from nebulatent.objectives.likelihoods import Bernoulli, Likelihood
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Float, Int, Tensor


class CVAE(nn.Module):
    """Creates the objective of a conditional VAE, a supervised method.

    Arguments:
        autoencoder: Its decoder takes `latent_dim + num_classes` inputs: code, then one-hot class.
        num_classes: Number of classes.
        likelihood: p(y|z, c).
        beta: Weight of the KL term.
        latent_terms: Further terms of the posterior mean, such as `NebulaAnchors`.

    Raises:
        ValueError: If `num_classes` is not positive.
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        num_classes: int,
        *,
        likelihood: Likelihood | None = None,
        beta: float = 1.0,
        latent_terms: Callable[[Tensor], Terms] = no_terms,
    ) -> None:
        super().__init__()
        if num_classes < 1:
            raise ValueError(f"`num_classes` must be positive, got {num_classes}.")
        self.autoencoder, self.num_classes = autoencoder, num_classes
        self.likelihood = Bernoulli() if likelihood is None else likelihood
        self.beta, self.latent_terms = beta, latent_terms

    def forward(self, batch: Batch) -> Terms:
        """The terms of one labelled batch.

        Raises:
            ValueError: If the batch has no labels, or a label is not below `num_classes`.
        """
        coding = self.code(batch)
        return self.elbo(coding, batch) | self.latent_terms(coding.posterior.mean)

    def code(self, batch: Batch) -> Coding:
        """Posterior, one sample of it, and its reconstruction given the class."""
        posterior = self.encode(batch.x)
        z = posterior.rsample()
        return Coding(batch.x, posterior, z, self._decoded(z, batch.label))

    def elbo(self, coding: Coding, batch: Batch) -> Terms:
        """Reconstruction and KL of a coded batch."""
        y = batch.x if batch.y is None else batch.y
        return elbo_terms(coding, y, self.likelihood, kl=coding.posterior.kl(), beta=self.beta)

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x); needs no label."""
        return self.autoencoder.encode(x)

    def decode(
        self, z: Float[Tensor, "codes latent"], label: Int[Tensor, " codes"] | None = None
    ) -> Tensor:
        """The expected data for each code and class.

        Raises:
            ValueError: If there is no label, or one is not below `num_classes`.
        """
        return self.likelihood.mean(self._decoded(z, label))

    def _decoded(self, z: Tensor, label: Tensor | None) -> Tensor:
        if label is None:
            raise ValueError(
                "`label` must be given to a conditional VAE, got none; "
                "use labelled data or another method."
            )
        if len(label) and not 0 <= int(label.min()) <= int(label.max()) < self.num_classes:
            raise ValueError(
                f"`label` must lie in 0..{self.num_classes - 1}, got "
                f"{int(label.min())}..{int(label.max())}."
            )
        condition = F.one_hot(label, self.num_classes).to(z.dtype)
        return self.autoencoder.decode(torch.cat([z, condition], dim=1))
