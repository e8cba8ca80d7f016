r"""Deep Embedded Clustering (DEC), and with a reconstruction kept beside it, Improved DEC (IDEC).

.. math:: q_{ij} = \frac{(1 + \lVert z_i - \mu_j \rVert^2)^{-1}}
    {\sum_k (1 + \lVert z_i - \mu_k \rVert^2)^{-1}}, \qquad
    p_{ij} = \frac{q_{ij}^2 / f_j}{\sum_k q_{ik}^2 / f_k}, \qquad
    L = w L_{\text{rec}} + \gamma\, \mathrm{KL}[P \| Q]

Source: Xie, Girshick, Farhadi: Unsupervised Deep Embedding for Clustering Analysis, ICML 2016
(DEC: w = 0, gamma = 1); Guo, Gao, Liu, Yin: Improved Deep Embedded Clustering with Local Structure
Preservation, IJCAI 2017 (IDEC: w = 1, gamma = 0.1).

| equation (Xie et al.) | function |
|---|---|
| (1) soft assignment | `student_assignment` |
| (2) KL of target and assignment | `clustering_loss` |
| (3) target distribution | `target_distribution` |
| k-means start on a trained autoencoder | `AnchorSet(warmup_epochs=...)` |

Authors' code: computes P over all data at intervals and keeps it per sample in between.
Our reading: what needs all data, the frequencies :math:`f_j`, is computed at the start of each
    epoch over the samples of the snapshot and kept; the square is that of the present q, without a
    gradient. Frequencies of a batch, a common shortcut, would equalise the clusters of each batch.
"""

from collections.abc import Callable

import torch
from torch import nn

from nebulatent.data.batch import Batch
from nebulatent.latents.anchors import AnchorSet, Snapshot
from nebulatent.latents.autoencoder import Autoencoder, Coding
from nebulatent.latents.posterior import Posterior
from nebulatent.objectives.elbo import elbo_terms
from nebulatent.objectives.likelihoods import Bernoulli, Likelihood
from nebulatent.ops.distances import squared_distances
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Float, Int, Tensor


def student_assignment(
    z: Float[Tensor, "codes latent"], centres: Float[Tensor, "anchors latent"]
) -> Float[Tensor, "codes anchors"]:
    """Probability of each centre for each code, by Student's t with one degree of freedom.

    Source: Xie et al. 2016, Eq. (1) with alpha = 1.
    Unit: distances count in absolute units; 1 is the width of the kernel.
    """
    q = 1 / (1 + squared_distances(z, centres))
    return q / q.sum(1, keepdim=True)


def target_distribution(
    q: Float[Tensor, "codes anchors"], frequency: Float[Tensor, " anchors"]
) -> Float[Tensor, "codes anchors"]:
    """Sharper assignments in which large clusters count less.

    Source: Xie et al. 2016, Eq. (3). Only the ratios of the frequencies matter.
    """
    p = q.square() / frequency
    return p / p.sum(1, keepdim=True)


def clustering_loss(
    p: Float[Tensor, "codes anchors"], q: Float[Tensor, "codes anchors"]
) -> Float[Tensor, ""]:
    """KL of the assignments from their targets, in nats.

    Source: Xie et al. 2016, Eq. (2).
    Our reading: the mean over the codes, so that the term does not grow with the batch.

    Examples:
        >>> clustering_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.5]]))
        tensor(0.6931)
    """
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(1).mean()


class DEC(nn.Module):
    """Creates the objective of DEC or IDEC: an autoencoder first, its clusters sharpened then.

    Arguments:
        autoencoder: Encoder, `Deterministic` bottleneck and decoder.
        clusters: The centres; give them a warm-up, in which the autoencoder learns alone, and leave
            `start` at k-means. From an untrained encoder DEC sharpens what chance put together.
        reconstruction_weight: Weight of the reconstruction once clusters act; 0 is DEC, which then
            leaves the decoder as it was, 1 is IDEC.
        clustering_weight: Weight gamma of the clustering term; 1 for DEC, 0.1 for IDEC.
        likelihood: p(y|z).
        latent_terms: Further terms of the posterior mean, such as `NebulaAnchors`.

    Raises:
        ValueError: If a weight is negative.

    Notes:
        Our reading: beside the clusters the reconstruction counts per value of a sample, as in the
        authors' code of IDEC (a mean over pixels), not per sample: 784 times less on MNIST.
    """

    frequency: Tensor

    def __init__(
        self,
        autoencoder: Autoencoder,
        clusters: AnchorSet,
        *,
        reconstruction_weight: float = 0.0,
        clustering_weight: float = 1.0,
        likelihood: Likelihood | None = None,
        latent_terms: Callable[[Tensor], Terms] = no_terms,
    ) -> None:
        super().__init__()
        if min(reconstruction_weight, clustering_weight) < 0:
            raise ValueError(
                "`reconstruction_weight` and `clustering_weight` must not be negative, got "
                f"{reconstruction_weight} and {clustering_weight}."
            )
        self.autoencoder, self.clusters = autoencoder, clusters
        self.reconstruction_weight = reconstruction_weight
        self.clustering_weight = clustering_weight
        self.likelihood = Bernoulli() if likelihood is None else likelihood
        self.latent_terms = latent_terms
        self.register_buffer("frequency", torch.zeros(clusters.num_anchors))

    def forward(self, batch: Batch) -> Terms:
        """The terms of one batch; its labels are not read."""
        coding = self.code(batch)
        z = coding.posterior.mean
        bound = self.elbo(coding, batch)
        if not self.clusters.active:
            return bound | self.latent_terms(z)
        return self._beside(bound, batch) | self.clustering(z) | self.latent_terms(z)

    def clustering(self, z: Float[Tensor, "codes latent"]) -> Terms:
        """KL of the codes' assignments from their targets."""
        q = student_assignment(z, self.clusters.positions)
        known = self.frequency if self.frequency.any() else q.detach().sum(0)
        p = target_distribution(q.detach(), known.to(q))
        return Terms({"clustering": clustering_loss(p, q)}, {"clustering": self.clustering_weight})

    def _beside(self, bound: Terms, batch: Batch) -> Terms:
        """The bound's terms per value of a sample; without a gradient if they weigh nothing."""
        weight = self.reconstruction_weight / batch.x[0].numel()
        values = {k: v if weight else v.detach() for k, v in bound.values.items()}
        return Terms(values, dict.fromkeys(values, weight))

    @torch.no_grad()
    def begin_epoch(self, epoch: int, snapshot: Callable[[], Snapshot], seed: int = 0) -> None:
        """Measure the frequencies of the clusters, once they are placed."""
        self.clusters.begin_epoch(epoch, snapshot, seed)
        if self.clusters.active:
            q = student_assignment(snapshot().z, self.clusters.positions)
            self.frequency.copy_(q.mean(0))

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
        """Soft assignment q of each code."""
        return student_assignment(z, self.clusters.positions)

    def assign(self, z: Float[Tensor, "codes latent"]) -> Int[Tensor, " codes"]:
        """The most probable cluster of each code, which is that of the nearest centre."""
        return self.clusters.assign(z)
