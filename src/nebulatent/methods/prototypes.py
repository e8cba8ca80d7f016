r"""Prototypes with soft assignment: deep k-means, by gradients alone.

.. math:: L = L_{\text{rec}} + \lambda \, \frac1B \sum_n \sum_k G_k(z_n)\, d_{nk}, \qquad
    G_k(z_n) = \operatorname{softmax}_k(-\alpha\, d_{nk}), \qquad
    d_{nk} = \lVert z_n - r_k \rVert^2 / v

Source: Moradi Fard, Thonet, Gaussier: Deep k-Means: Jointly Clustering with k-Means and Learning
Representations, 2018, arXiv 1806.10069. A softmax of negative squared distances to prototypes is
also the classifier of Snell, Swersky, Zemel: Prototypical Networks for Few-shot Learning, NeurIPS
2017, whose prototypes are means of *labelled* samples; here no label is read.

| quantity | function |
|---|---|
| soft assignment G | `AnchorSet.probabilities` with temperature v / 2 alpha |
| clustering term | `soft_kmeans_loss` |
| k-means start on a trained autoencoder | `AnchorSet(warmup_epochs=...)` |

Our reading: distances are relative to the variance v of the batch's codes. A decoder that begins
with a normalisation, as ours does, does not see the scale of the codes, and the printed term
(v = 1) is then lowered without end by shrinking them. The authors start with a small alpha that
grows, or pretrain and take a large one; this is the second.
"""

from collections.abc import Callable

import torch
from torch import nn

from nebulatent.data.batch import Batch
from nebulatent.latents.anchors import AnchorSet
from nebulatent.latents.autoencoder import Autoencoder, Coding
from nebulatent.latents.posterior import Posterior
from nebulatent.objectives.elbo import elbo_terms
from nebulatent.objectives.likelihoods import Bernoulli, Likelihood
from nebulatent.ops.distances import at_least_single, squared_distances
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Float, Int, Tensor

SMALLEST = 1e-12  # of a variance, so that coincident codes are no error
MOMENTUM = 0.1  # of the variance kept for assignments, as in batch normalisation


def soft_kmeans_loss(
    z: Float[Tensor, "codes latent"],
    prototypes: Float[Tensor, "anchors latent"],
    sharpness: float,
) -> Float[Tensor, ""]:
    """Mean relative squared distance of a code to its prototypes, each as likely as it is near.

    Source: Fard et al. 2018, the second term of their objective.
    Unit: shares of the codes' variance; k-means on the batch as `sharpness` grows.
    """
    distances = squared_distances(z, prototypes) / spread(z)
    return ((-sharpness * distances).softmax(1) * distances).sum(1).mean()


def spread(z: Float[Tensor, "codes latent"]) -> Float[Tensor, ""]:
    """Mean squared distance of the codes from their mean, the sum of their variances."""
    z = at_least_single(z)
    return (z - z.mean(0)).square().sum(1).mean().clamp_min(SMALLEST)


class DeepKMeans(nn.Module):
    """Creates the objective of deep k-means.

    Arguments:
        autoencoder: Encoder, `Deterministic` bottleneck and decoder.
        prototypes: The prototypes; give them a warm-up and leave `start` at k-means.
        sharpness: alpha, per variance of the codes.
        prototype_weight: lambda, in nats per share of the codes' variance.
        likelihood: p(y|z).
        latent_terms: Further terms of the posterior mean, such as `NebulaAnchors`.

    Raises:
        ValueError: If `sharpness` is not positive or the weight is negative.
    """

    variance: Tensor

    def __init__(
        self,
        autoencoder: Autoencoder,
        prototypes: AnchorSet,
        *,
        sharpness: float = 10.0,
        prototype_weight: float = 10.0,
        likelihood: Likelihood | None = None,
        latent_terms: Callable[[Tensor], Terms] = no_terms,
    ) -> None:
        super().__init__()
        if not sharpness > 0:
            raise ValueError(f"`sharpness` must be positive, got {sharpness}.")
        if prototype_weight < 0:
            raise ValueError(f"`prototype_weight` must not be negative, got {prototype_weight}.")
        self.autoencoder, self.prototypes = autoencoder, prototypes
        self.sharpness, self.prototype_weight = sharpness, prototype_weight
        self.likelihood = Bernoulli() if likelihood is None else likelihood
        self.latent_terms = latent_terms
        self.register_buffer("variance", torch.ones(()))

    def forward(self, batch: Batch) -> Terms:
        """The terms of one batch; its labels are not read."""
        coding = self.code(batch)
        z = coding.posterior.mean
        terms = self.elbo(coding, batch) | self.latent_terms(z)
        if not self.prototypes.active:
            return terms
        loss = soft_kmeans_loss(z, self.prototypes.positions, self.sharpness)
        if self.training:
            self.variance.lerp_(spread(z.detach()).to(self.variance), MOMENTUM)
        return terms | Terms({"prototypes": loss}, {"prototypes": self.prototype_weight})

    def code(self, batch: Batch) -> Coding:
        """The code and its reconstruction."""
        return self.autoencoder(batch.x)

    def elbo(self, coding: Coding, batch: Batch) -> Terms:
        """Reconstruction of a coded batch, and KL from N(0, I) of a `Variational` bottleneck."""
        y = batch.x if batch.y is None else batch.y
        return elbo_terms(coding, y, self.likelihood, kl=coding.posterior.kl())

    def encode(self, x: Tensor) -> Posterior:
        """The code of each sample."""
        return self.autoencoder.encode(x)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The expected data for each code; labels are not read."""
        return self.likelihood.mean(self.autoencoder.decode(z))

    def assign_probabilities(
        self, z: Float[Tensor, "codes latent"]
    ) -> Float[Tensor, "codes anchors"]:
        """Soft assignment G of each code, with the variance of recent training batches."""
        return self.prototypes.probabilities(z, float(self.variance) / (2 * self.sharpness))

    def assign(self, z: Float[Tensor, "codes latent"]) -> Int[Tensor, " codes"]:
        """The nearest prototype of each code."""
        return self.prototypes.assign(z)
