r"""How well a reconstructed cloud explains a cloud, in nats: Chamfer as a likelihood.

A decoder's M points are the centres of a mixture of equal round Gaussians, and the N points y are
independent draws of it. If each point is explained by its nearest centre alone,

.. math:: -\log p(y \mid r) \leq \sum_i \frac{\min_j \lVert y_i - r_j \rVert^2}{2 \sigma^2}
    + \tfrac{3N}{2} \log 2 \pi \sigma^2 + N \log M ,

the first direction of the squared Chamfer distance. It lets centres lie anywhere; the mean of both
directions takes its place, so that every centre is near a point too.
"""

import math

import torch
from torch import nn

from nebulatent.latents.posterior import LOG_2PI
from nebulatent.objectives.shapes import POINT_FLOW, chamfer_distance
from nebulatent.ops.distances import at_least_single
from nebulatent.typing import Float, Tensor


class ChamferLikelihood(nn.Module):
    r"""Likelihood of clouds, with one learned noise level; for `VAE`, `NVC` and the like.

    .. math:: \tfrac N2 \Bigl( \frac{c}{2 \sigma^2} + 3 \log 2 \pi \sigma^2 \Bigr) + N \log M,
        \qquad c = \overline{\min_j \lVert y_i - r_j \rVert^2}
        + \overline{\min_i \lVert y_i - r_j \rVert^2}

    Source: Yang et al., CVPR 2018 (FoldingNet), minimise a Chamfer distance; so do Achlioptas et
        al., ICML 2018.
    Our reading: a distance has no nats, and a KL term beside it no unit weight; the noise level is
        learned, as in `Gaussian`. Then the best reconstruction is that of the squared distance.
        With `counted`, N is that number: the points of a cloud repeat one another, and how finely
        a surface was sampled must not weigh against the KL.

    Arguments:
        counted: As how many independent points a cloud counts; None for as many as it has.

    Raises:
        ValueError: If `counted` is not positive.
    """

    def __init__(self, counted: int | None = None) -> None:
        super().__init__()
        if counted is not None and counted < 1:
            raise ValueError(f"`counted` must be positive, got {counted}.")
        self.counted = counted
        self.logvar = nn.Parameter(torch.tensor(-4.0))

    def forward(
        self, recon: Float[Tensor, "batch centres dim"], y: Float[Tensor, "batch points dim"]
    ) -> Float[Tensor, " batch"]:
        """One value per cloud; the clouds may differ in their numbers of points."""
        recon, y = at_least_single(recon), at_least_single(y)
        count, dim = self.counted or y.shape[1], y.shape[2]
        logvar = self.logvar.clamp(-16.0, 12.0)
        apart = chamfer_distance(recon, y, POINT_FLOW) / 2
        nats = 0.5 * (apart * (-logvar).exp() + dim * (logvar + LOG_2PI))
        return count * (nats + math.log(recon.shape[1]))

    def mean(self, recon: Tensor) -> Tensor:
        """The centres themselves."""
        return recon
