r"""Categorical VAE trained through the Gumbel-softmax relaxation.

.. math:: L = -\mathbb E_{z \sim q_\tau} [\log p(y|z)] + \sum_s \mathrm{KL}[q(z_s|x) \|
    \text{uniform}], \qquad \tau = \max(\tau_{\min}, e^{-rt})

Source: Jang, Gu, Poole: Categorical Reparameterization with Gumbel-Softmax, ICLR 2017.

| equation | function |
|---|---|
| (2) relaxed sample | `nebulatent.latents.categorical.Categorical` |
| section 2.2, straight-through | `GumbelVAE(straight_through=True)` |
| section 4, temperature schedule | `GumbelVAE.begin_epoch` |

In evaluation mode codes are drawn one-hot, so that `elbo` is a bound; in training it is not.
One variable is a clustering; several make a density model, whose k-th categories mean nothing in
common.

Our reading: the temperature falls once an epoch (the paper: every 500 or 1000 steps), from 1.
"""

import math
from collections.abc import Callable

import torch
from torch import nn

from nebulatent.data.batch import Batch
from nebulatent.latents.anchors import Snapshot
from nebulatent.latents.autoencoder import Autoencoder, Coding
from nebulatent.latents.categorical import Categorical
from nebulatent.objectives.elbo import elbo_terms
from nebulatent.objectives.likelihoods import Bernoulli, Likelihood
from nebulatent.ops.distances import at_least_single
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Float, Int, Tensor


class GumbelVAE(nn.Module):
    """Creates the objective of a categorical VAE.

    Arguments:
        autoencoder: Its `Deterministic` bottleneck gives `variables * categories` logits; its
            decoder takes as many values, one-hot or nearly.
        num_categories: Categories K of each variable.
        cooling: r of the schedule, per epoch; 0.1 leaves 0.55 after 6 epochs.
        coldest: Lowest temperature; 0.5 in the paper.
        straight_through: Whether the decoder sees one-hot codes in training, too, with the gradient
            of the relaxed ones.
        likelihood: p(y|z).
        latent_terms: Further terms of the probabilities, such as `NebulaAnchors`.

    Raises:
        ValueError: If there are fewer than two categories, `cooling` is negative or `coldest` does
            not lie in 0..1.
    """

    temperature: Tensor

    def __init__(
        self,
        autoencoder: Autoencoder,
        num_categories: int,
        *,
        cooling: float = 0.1,
        coldest: float = 0.5,
        straight_through: bool = False,
        likelihood: Likelihood | None = None,
        latent_terms: Callable[[Tensor], Terms] = no_terms,
    ) -> None:
        super().__init__()
        if num_categories < 2:
            raise ValueError(f"`num_categories` must be at least 2, got {num_categories}.")
        if cooling < 0 or not 0 < coldest <= 1:
            raise ValueError(
                f"`cooling` must not be negative and `coldest` must lie in 0..1, got {cooling} "
                f"and {coldest}."
            )
        self.autoencoder, self.num_categories = autoencoder, num_categories
        self.cooling, self.coldest, self.straight_through = cooling, coldest, straight_through
        self.likelihood = Bernoulli() if likelihood is None else likelihood
        self.latent_terms = latent_terms
        self.register_buffer("temperature", torch.ones(()))

    def begin_epoch(self, epoch: int, snapshot: Callable[[], Snapshot], seed: int = 0) -> None:
        """Lower the temperature; needs no codes."""
        self.temperature.fill_(max(self.coldest, math.exp(-self.cooling * epoch)))

    def forward(self, batch: Batch) -> Terms:
        """The terms of one batch; its labels are not read."""
        coding = self.code(batch)
        return self.elbo(coding, batch) | self.latent_terms(coding.posterior.mean)

    def code(self, batch: Batch) -> Coding:
        """Posterior, one sample of it, relaxed in training, and its reconstruction."""
        posterior = self.encode(batch.x)
        z = posterior.rsample()
        if self.training and self.straight_through:
            z = z + (self._one_hot(z) - z).detach()
        return Coding(batch.x, posterior, z, self.autoencoder.decode(z))

    def elbo(self, coding: Coding, batch: Batch) -> Terms:
        """Reconstruction and KL from uniform variables."""
        y = batch.x if batch.y is None else batch.y
        return elbo_terms(coding, y, self.likelihood, kl=coding.posterior.kl())

    def encode(self, x: Tensor) -> Categorical:
        """q(z|x): the probability of every category, as relaxed as training is now."""
        logits = at_least_single(self.autoencoder.encode(x).mean)
        logits = logits.unflatten(1, (-1, self.num_categories))
        cold = torch.zeros_like(self.temperature)
        return Categorical(logits, self.temperature if self.training else cold)

    def decode(self, z: Float[Tensor, "codes latent"], label: Tensor | None = None) -> Tensor:
        """The expected data for the likeliest categories of each code; labels are not read."""
        return self.likelihood.mean(self.autoencoder.decode(self._one_hot(z)))

    def categories(self, z: Float[Tensor, "codes latent"]) -> Int[Tensor, "codes variables"]:
        """The likeliest category of each variable; no gradient."""
        return z.detach().unflatten(1, (-1, self.num_categories)).argmax(2)

    def assign_probabilities(
        self, z: Float[Tensor, "codes latent"]
    ) -> Float[Tensor, "codes categories"]:
        """The probabilities themselves, which are the code.

        Raises:
            ValueError: If a code has several variables.
        """
        if z.shape[1] != self.num_categories:
            raise ValueError(
                f"`num_categories` must be the size of a code, {z.shape[1]}, for categories to be "
                f"clusters, got {self.num_categories}; use `categories`."
            )
        return z

    def assign(self, z: Float[Tensor, "codes latent"]) -> Int[Tensor, " codes"]:
        """The likeliest category of each code, its cluster; no gradient.

        Raises:
            ValueError: If a code has several variables.
        """
        return self.assign_probabilities(z).argmax(1)

    def _one_hot(self, z: Tensor) -> Tensor:
        hot = nn.functional.one_hot(self.categories(z), self.num_categories)
        return hot.to(z.dtype).flatten(1)
