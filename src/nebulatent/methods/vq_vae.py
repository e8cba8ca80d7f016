r"""Vector-quantised VAE: a code is one entry of a codebook, or a few.

.. math:: L = -\log p(y \mid z_q) + \lVert \operatorname{sg}[z] - e \rVert^2
    + \beta \lVert z - \operatorname{sg}[e] \rVert^2

Source: van den Oord, Vinyals, Kavukcuoglu: Neural Discrete Representation Learning, NeurIPS 2017.

| equation | function |
|---|---|
| (1), (2) nearest entry, straight-through | `nebulatent.latents.quantized.Codebook` |
| (3) second and third term | `VQVAE.forward` |
| appendix A.1, moving averages | `Codebook(decay=0.99)` |
| section 3.1, KL of a uniform prior | `VQVAE.elbo` |

Our reading: squared distances are summed over a code and averaged over the batch, as the
reconstruction is; sonnet and pythae average over components too, which weakens both terms by the
dimension of an entry.
"""

import math
from collections.abc import Callable

from torch import nn

from nebulatent.data.batch import Batch
from nebulatent.latents.autoencoder import Autoencoder, Coding
from nebulatent.latents.posterior import Posterior
from nebulatent.latents.quantized import Codebook, Quantized
from nebulatent.objectives.elbo import elbo_terms
from nebulatent.objectives.likelihoods import Bernoulli, Likelihood
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Float, Int, Tensor


class VQVAE(nn.Module):
    """Creates the objective of a VQ-VAE.

    A code is cut into parts as long as an entry, each replaced by its nearest entry. Entries as
    long as the code are clusters; a feature map of the paper is a code of many parts.

    Arguments:
        autoencoder: Its bottleneck is `Deterministic`; its decoder sees entries.
        codebook: The entries; their dimension divides that of a code.
        commitment_weight: Weight of the last term, beta; 0.25 in the paper, which found results
            alike from 0.1 to 2.
        likelihood: p(y|z).
        latent_terms: Further terms of the encoder's output, such as `NebulaAnchors`.

    Raises:
        ValueError: If the weight is negative.
    """

    def __init__(
        self,
        autoencoder: Autoencoder,
        codebook: Codebook,
        *,
        commitment_weight: float = 0.25,
        likelihood: Likelihood | None = None,
        latent_terms: Callable[[Tensor], Terms] = no_terms,
    ) -> None:
        super().__init__()
        if commitment_weight < 0:
            raise ValueError(f"`commitment_weight` must not be negative, got {commitment_weight}.")
        self.autoencoder, self.codebook = autoencoder, codebook
        self.commitment_weight = commitment_weight
        self.likelihood = Bernoulli() if likelihood is None else likelihood
        self.latent_terms = latent_terms

    def forward(self, batch: Batch) -> Terms:
        """The terms of one batch; its labels are not read."""
        posterior = self.encode(batch.x)
        z = posterior.mean
        if not self.codebook.active:
            return self.elbo(self._coding(batch, posterior, z), batch) | self.latent_terms(z)
        quantized = self.quantize(z)
        values = {"commitment": (z - quantized.entry.detach()).square().sum(1).mean()}
        if self.codebook.decay is None:
            values["codebook"] = (z.detach() - quantized.entry).square().sum(1).mean()
        bound = self.elbo(self._coding(batch, posterior, quantized.code), batch)
        return bound | Terms(values, {"commitment": self.commitment_weight}) | self.latent_terms(z)

    def code(self, batch: Batch) -> Coding:
        """The encoder's output, its entries, and their reconstruction."""
        posterior = self.encode(batch.x)
        return self._coding(batch, posterior, self._entries(posterior.mean))

    def elbo(self, coding: Coding, batch: Batch) -> Terms:
        r"""Reconstruction, and the constant KL :math:`\log K` of each part from a uniform prior."""
        y = batch.x if batch.y is None else batch.y
        parts = coding.z.shape[1] // self.codebook.entry_dim
        nats = parts * math.log(self.codebook.num_entries)
        kl = coding.z.new_full((len(coding.z),), nats) if self.codebook.active else None
        return elbo_terms(coding, y, self.likelihood, kl=kl)

    def encode(self, x: Tensor) -> Posterior:
        """The encoder's output, before it is replaced by entries."""
        return self.autoencoder.encode(x)

    def decode(self, z: Float[Tensor, "codes latent"], label: Tensor | None = None) -> Tensor:
        """The expected data for the entries nearest to each code; labels are not read."""
        return self.likelihood.mean(self.autoencoder.decode(self._entries(z)))

    def quantize(self, z: Float[Tensor, "codes latent"]) -> Quantized:
        """The entries of each code in a row; their numbers part by part."""
        code, entry, label = self.codebook(z.reshape(-1, self.codebook.entry_dim))
        return Quantized(code.reshape(z.shape), entry.reshape(z.shape), label)

    def assign(self, z: Float[Tensor, "codes latent"]) -> Int[Tensor, " codes"]:
        """Number of each code's entry, its cluster.

        Raises:
            ValueError: If a code has several entries.
        """
        if z.shape[1] != self.codebook.entry_dim:
            raise ValueError(
                f"`entry_dim` must be that of a code, {z.shape[1]}, for entries to be clusters, "
                f"got {self.codebook.entry_dim}; use `quantize(z).label`."
            )
        return self.codebook.assign(z)

    def _entries(self, z: Tensor) -> Tensor:
        """The entries of each code without a gradient or a move of the codebook."""
        if not self.codebook.active:
            return z
        parts = z.reshape(-1, self.codebook.entry_dim)
        return self.codebook.entries[self.codebook.assign(parts)].reshape(z.shape)

    def _coding(self, batch: Batch, posterior: Posterior, z: Tensor) -> Coding:
        return Coding(batch.x, posterior, z, self.autoencoder.decode(z))
