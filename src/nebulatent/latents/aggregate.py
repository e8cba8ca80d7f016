r"""The aggregate posterior as Gaussians, one for all codes and one for each anchor's codes.

.. math:: q(z) = \frac1N \sum_n q(z \mid x_n) \approx \mathcal N(\bar\mu,\,
    \operatorname{Cov}(\mu_n) + \overline{\operatorname{diag} \sigma_n^2})

Sampling from it shows what the decoder was trained on, which for an autoencoder without a prior is
the only honest way to sample, and gives "samples around an anchor" their true spread.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from nebulatent.typing import Float, Int, Tensor


class Aggregate(NamedTuple):
    """Gaussians fitted to groups of codes.

    Arguments:
        mean: Mean of each group.
        factor: Cholesky factor of each group's covariance.
        size: Codes in each group; a group without codes has a unit covariance around its anchor.
    """

    mean: Float[Tensor, "groups latent"]
    factor: Float[Tensor, "groups latent latent"]
    size: Int[Tensor, " groups"]

    def sample(
        self, group: int, count: int, generator: torch.Generator
    ) -> Float[Tensor, "codes latent"]:
        """Codes of one group."""
        noise = torch.randn(count, self.mean.shape[1], generator=generator, dtype=self.mean.dtype)
        return self.mean[group] + noise @ self.factor[group].T


def aggregate(
    mean: Float[Tensor, "codes latent"],
    variance: Float[Tensor, "codes latent"],
    groups: Sequence[Int[Tensor, " _"]],
    centres: Float[Tensor, "groups latent"],
) -> Aggregate:
    """Fit one Gaussian to each group of codes.

    Arguments:
        mean: Posterior means.
        variance: Posterior variances; zeros for point masses.
        groups: Row numbers of each group.
        centres: Where a group without codes is put.
    """
    means, factors = [], []
    for rows, centre in zip(groups, centres, strict=True):
        unit = torch.eye(len(centre), dtype=torch.float64)
        middle, covariance = centre, unit
        if len(rows):
            middle = mean[rows].mean(0)
            # In single precision rounding outweighs the ridge where codes are fewer than numbers.
            offset = (mean[rows] - middle).double()
            covariance = offset.T @ offset / len(rows) + variance[rows].double().mean(0).diag()
        # A relative ridge: few codes or a constant component leave the covariance singular.
        ridge = 1e-6 * covariance.diagonal().mean().clamp_min(1e-6)
        means.append(middle)
        factors.append(torch.linalg.cholesky(covariance + ridge * unit).to(mean.dtype))
    counts = torch.tensor([len(rows) for rows in groups])
    return Aggregate(torch.stack(means), torch.stack(factors), counts)
