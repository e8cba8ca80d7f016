r"""ParAE: a segmentation network learns, without labels, to be a good mixture of Gaussians.

.. math:: s = f_\psi(P), \quad \gamma_{ij} = \operatorname{softmax}_j s_{ij}, \quad
    L = -\frac1N \sum_i \log \sum_j \pi_j\, \mathcal N(p_i;\, \mu_j, \Sigma_j)

where the mixture's parameters are the moments of the points in each soft part. What is kept is the
network's feature of the whole cloud; the scores are thrown away.

Source: Eckart, Yuan, Liu, Kautz: Self-Supervised Learning on 3D Point Clouds by Learning Discrete
Generative Models, CVPR 2021.

| equation | function |
|---|---|
| (4) soft partition | `ParAE.mixture`, a log-softmax |
| (5)-(7) its mixture | `nebulatent.ops.mixtures.mixture_of_partition` |
| (8)-(10) likelihood | `GaussianMixture.log_density` |
| (11) objective | `ParAE` |

The paper has J = 32 components, clouds of N = 1024 points, any network (PointNet and DGCNN) with a
feature of 1024, and trains 25 epochs. It names no optimiser, no normalisation and nothing against
singular covariances.

Our reading: the likelihood is divided by N, so that a learning rate means the same for any number
of points; covariances are kept positive definite by `noise` (see `mixture_of_partition`); scores
are divided by a `temperature` of 0.1: at temperature 1 most components never parted (on clouds of
four blobs two of four, or of sixteen, were used), presumably since a fresh network gives all of
them nearly the same share of every point, and so the same moments.
"""

from collections.abc import Callable

import torch
from torch import nn

from nebulatent.backbones.prediction import PointNetwork
from nebulatent.data.batch import Batch
from nebulatent.latents.posterior import Dirac
from nebulatent.ops.distances import at_least_single
from nebulatent.ops.mixtures import GaussianMixture, mixture_of_partition
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Float, Int, Tensor


def mixture_nll(
    points: Float[Tensor, "batch points 3"],
    scores: Float[Tensor, "batch points components"],
    noise: float = 0.01,
) -> Float[Tensor, " batch"]:
    r"""Negative log-likelihood of each cloud under the mixture that its scores define.

    Source: Eckart et al., CVPR 2021, Eq. (4)-(10).
    Our reading: divided by the number of points.
    Valid when: `noise` is positive, or no component is flat; else it falls without end.
    Unit: nats per point; a cloud twice as large has 3 log 2 more.
    """
    points, scores = at_least_single(points), at_least_single(scores)
    mixture = mixture_of_partition(points, scores.log_softmax(2), noise)
    return -mixture.log_density(points).mean(1)


class ParAE(nn.Module):
    """Creates the objective of ParAE for any network that scores points.

    Arguments:
        network: Scores every point; its number of classes is the number of components J (32 in the
            paper, which found more to be better).
        noise: Standard deviation of the points' noise, as a share of a cloud's radius.
        temperature: Divides the scores.
        latent_terms: Further terms of the clouds' features, such as `NebulaAnchors`.

    Raises:
        ValueError: If `noise` or `temperature` is not positive.
    """

    def __init__(
        self,
        network: PointNetwork,
        *,
        noise: float = 0.01,
        temperature: float = 0.1,
        latent_terms: Callable[[Tensor], Terms] = no_terms,
    ) -> None:
        super().__init__()
        if not noise > 0:
            raise ValueError(f"`noise` must be positive, got {noise}.")
        if not temperature > 0:
            raise ValueError(f"`temperature` must be positive, got {temperature}.")
        self.network, self.latent_terms = network, latent_terms
        self.noise, self.temperature = noise, temperature

    def forward(self, batch: Batch) -> Terms:
        """The terms of one batch; its labels are not read.

        Of a corrupted `x` the network sees the corruption, and the mixture must explain `y`, the
        same points in the same order.

        Raises:
            ValueError: If `x` and `y` differ in their numbers of points.
        """
        prediction = self.network(batch.x)
        points = batch.x if batch.y is None else batch.y
        if points.shape[:2] != prediction.logits.shape[:2]:
            raise ValueError(
                f"`y` must have the points of `x`, {tuple(batch.x.shape[:2])}, "
                f"got {tuple(points.shape[:2])}; corrupt points without dropping any."
            )
        with torch.autocast(points.device.type, enabled=False):
            scores = at_least_single(prediction.logits) / self.temperature
            nll = mixture_nll(points[..., :3], scores, self.noise)
        return Terms({"nll": nll.mean()}) | prediction.terms | self.latent_terms(prediction.h)

    def encode(self, x: Float[Tensor, "batch points channels"]) -> Dirac:
        """The network's feature of each cloud."""
        return Dirac(self.network.features(x))

    def mixture(self, x: Float[Tensor, "batch points channels"]) -> GaussianMixture:
        """The mixture that the network makes of each cloud, to sample or to draw.

        Source: Eckart et al., CVPR 2021, Eq. (5)-(7) and Fig. 3.
        """
        scores = at_least_single(self.network(x).logits) / self.temperature
        return mixture_of_partition(x[..., :3], scores.log_softmax(2), self.noise)

    def assign(self, x: Float[Tensor, "batch points channels"]) -> Int[Tensor, "batch points"]:
        """The component that the network gives each point to; no gradient."""
        with torch.no_grad():
            return self.network(x).logits.argmax(2)
