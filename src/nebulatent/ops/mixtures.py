r"""Gaussian mixtures of point clouds: from a soft partition, exact densities, moments, samples.

A soft partition says which share :math:`\gamma_{ij}` of point :math:`i` belongs to component
:math:`j`. Each component is then the Gaussian with the moments of its share of the points,

.. math:: \pi_j = \frac1N \sum_i \gamma_{ij}, \quad
    \mu_j = \sum_i w_{ij}\, p_i, \quad
    \Sigma_j = \sum_i w_{ij} (p_i - \mu_j)(p_i - \mu_j)^\top + \varepsilon I, \quad
    w_{ij} = \frac{\gamma_{ij}}{N \pi_j},

so that the mixture has the mean of the cloud and its covariance, :math:`+\,\varepsilon I`, whatever
the partition.
"""

import math
from typing import NamedTuple

import torch

from nebulatent.ops.distances import at_least_single
from nebulatent.typing import Float, Int, Tensor

LOG_2PI = math.log(2 * math.pi)
SMALLEST = 1e-12  # mean squared radius of a cloud, so that a single repeated point has a density
CELLS = 1 << 22  # points × components in memory at once on a grid


class GaussianMixture(NamedTuple):
    """One mixture for each cloud of a batch.

    Arguments:
        log_weights: Log of the components' shares, which add up to one.
        means: Centres.
        covariances: Full covariances, positive definite.
    """

    log_weights: Float[Tensor, "batch components"]
    means: Float[Tensor, "batch components space"]
    covariances: Float[Tensor, "batch components space space"]

    def log_joint(
        self, points: Float[Tensor, "batch points space"]
    ) -> Float[Tensor, "batch points components"]:
        r"""Log of :math:`\pi_j \mathcal N(p_i; \mu_j, \Sigma_j)`.

        Points are whitened by the inverse Cholesky factor, one matrix product for all components;
        a quadratic form with the inverse covariance would lose the thin directions to rounding.
        NaN where a covariance is not positive definite.
        """
        size = points.shape[2]
        origin = self.means.mean(1, keepdim=True)
        factor = self._factor()
        eye = torch.eye(size, dtype=points.dtype, device=points.device).expand_as(factor)
        inverse = torch.linalg.solve_triangular(factor, eye, upper=False)
        shift = (inverse @ (self.means - origin).unsqueeze(3)).squeeze(3)
        rows = inverse.transpose(1, 2).flatten(1, 2)  # dimension by dimension, then components
        shift = shift.transpose(1, 2).flatten(1).unsqueeze(1)
        white = torch.baddbmm(shift, points - origin, rows.mT, beta=-1)
        scaled = white.unflatten(2, (size, -1)).square().sum(2)
        log_scale = factor.diagonal(dim1=2, dim2=3).log().sum(2)
        norm = self.log_weights - log_scale - 0.5 * size * LOG_2PI
        return norm.unsqueeze(1) - 0.5 * scaled

    def _factor(self) -> Float[Tensor, "batch components space space"]:
        """Cholesky factors; NaN where there is none, which a training loop reports by name."""
        factor, failed = torch.linalg.cholesky_ex(self.covariances)
        return factor.masked_fill(failed.bool().unsqueeze(2).unsqueeze(3), torch.nan)

    def log_density(
        self, points: Float[Tensor, "batch points space"]
    ) -> Float[Tensor, "batch points"]:
        """Log-density of each point under its cloud's mixture, in nats per unit of volume."""
        return self.log_joint(points).logsumexp(2)

    def assign_probabilities(
        self, points: Float[Tensor, "batch points space"]
    ) -> Float[Tensor, "batch points components"]:
        """Posterior of each point's component, by Bayes' rule."""
        return self.log_joint(points).softmax(2)

    def moments(
        self,
    ) -> tuple[Float[Tensor, "batch space"], Float[Tensor, "batch space space"]]:
        """Mean and covariance of each mixture as a whole."""
        weights = self.log_weights.exp().unsqueeze(2)
        mean = (weights * self.means).sum(1)
        offset = self.means - mean.unsqueeze(1)
        between = (weights * offset).mT @ offset
        return mean, (weights.unsqueeze(3) * self.covariances).sum(1) + between

    def sample(
        self, count: int, generator: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "batch count space"], Int[Tensor, "batch count"]]:
        """Points drawn from each mixture, and the component that each came from.

        Arguments:
            count: Points of each mixture.
            generator: Source of the randomness; the global one if missing.

        Raises:
            ValueError: If `count` is not positive.
        """
        if count < 1:
            raise ValueError(f"`count` must be positive, got {count}.")
        weights = self.log_weights.exp()
        component = torch.multinomial(weights, count, replacement=True, generator=generator)
        factor = self._factor()
        row = torch.arange(len(weights), device=weights.device).unsqueeze(1)
        noise = torch.randn(
            (*component.shape, self.means.shape[2], 1),
            generator=generator,
            dtype=weights.dtype,
            device=weights.device,
        )
        return self.means[row, component] + (factor[row, component] @ noise).squeeze(3), component


def mixture_of_partition(
    points: Float[Tensor, "batch points space"],
    log_partition: Float[Tensor, "batch points components"],
    noise: float = 0.01,
) -> GaussianMixture:
    r"""The mixture whose components have the moments of their shares of the points.

    Source: Eckart et al., CVPR 2021, Eq. (5)-(7).
    Our reading: points of a flat patch have a singular covariance, and the likelihood then has no
        upper bound. Every point counts as measured with isotropic noise: :math:`\varepsilon` is
        (`noise` × the cloud's root mean squared distance from its mean)². So a density is bounded
        by that of the noise, and the likelihood changes under shift, rotation and scale as a
        density must, in any unit. Weights :math:`w_{ij}` are a softmax over the points of
        :math:`\log \gamma_{ij}`, which is the printed quotient and cannot divide by zero, even for
        a component that no point belongs to.

    Arguments:
        points: Clouds.
        log_partition: Log of each point's shares; a log-softmax of scores.
        noise: Standard deviation of the noise, as a share of the cloud's radius; 0 is as printed.

    Raises:
        ValueError: If `noise` is negative.

    Examples:
        >>> cloud = torch.tensor([[[0.0, 0.0], [0.0, 2.0], [4.0, 1.0]]])
        >>> halves = torch.tensor([[[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])
        >>> mixture_of_partition(cloud, halves.log()).means
        tensor([[[0., 1.], [4., 1.]]])
    """
    if not noise >= 0:
        raise ValueError(f"`noise` must not be negative, got {noise}.")
    points, log_partition = at_least_single(points), at_least_single(log_partition)
    centre = points.mean(1, keepdim=True)
    points = points - centre
    log_share = log_partition.logsumexp(1)
    weights = log_partition.mT.softmax(2)
    means = weights @ points
    offset = points.unsqueeze(1) - means.unsqueeze(2)
    spread = (offset * weights.unsqueeze(3)).mT @ offset
    variance = noise**2 * points.square().sum(2).mean(1).clamp_min(SMALLEST)
    eye = torch.eye(points.shape[2], dtype=points.dtype, device=points.device)
    covariances = spread + variance.view(-1, 1, 1, 1) * eye
    return GaussianMixture(log_share - math.log(points.shape[1]), means + centre, covariances)


@torch.no_grad()
def grid_density(
    mixture: GaussianMixture, resolution: int = 32, side: float = 2.2
) -> Float[Tensor, "batch resolution resolution resolution"]:
    """Density at the centres of the cells of a cube about the origin, axes x, y, z.

    A level of it is a surface, by marching cubes.

    Arguments:
        mixture: Mixtures in space.
        resolution: Cells along a side.
        side: Length of a side; clouds of the unit ball fit into 2.2 with a margin.

    Raises:
        ValueError: If `resolution` or `side` is not positive.
    """
    if resolution < 1 or not side > 0:
        raise ValueError(f"`resolution` and `side` must be positive, got {resolution} and {side}.")
    means = mixture.means
    place = torch.arange(resolution, dtype=means.dtype, device=means.device)
    place = ((place + 0.5) / resolution - 0.5) * side
    centres = torch.cartesian_prod(place, place, place).view(-1, 3)
    step = max(CELLS // mixture.log_weights.numel(), 1)
    parts = [
        mixture.log_density(cells.expand(len(means), -1, -1)).exp() for cells in centres.split(step)
    ]
    return torch.cat(parts, 1).unflatten(1, (resolution, resolution, resolution))
