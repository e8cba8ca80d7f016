r"""Posteriors q(z|x): what an encoder and a bottleneck say of the code of each sample.

A posterior is a tuple of tensors, one row per code; it is data, not a module.

.. math:: q(z|x) = \delta(z - \mu(x)) \quad\text{or}\quad \mathcal N(z;\, \mu(x), \sigma^2(x))
"""

import math
from typing import NamedTuple, Protocol, runtime_checkable

import torch

from nebulatent.typing import Float, Tensor

LOG_2PI = math.log(2 * math.pi)


@runtime_checkable
class Posterior(Protocol):
    """A distribution over codes, one row per code."""

    @property
    def mean(self) -> Float[Tensor, "codes latent"]:
        """The most probable code."""
        ...

    def rsample(self) -> Float[Tensor, "codes latent"]:
        """One reparametrised sample per code."""
        ...

    def kl(self) -> Float[Tensor, " codes"] | None:
        """Divergence from N(0, I) in nats; `None` when it is not finite (a point mass)."""
        ...

    def log_prob(self, z: Float[Tensor, "codes latent"]) -> Float[Tensor, " codes"] | None:
        """Log-density of `z` in nats; `None` for a point mass."""
        ...


class Dirac(NamedTuple):
    """A point mass: the posterior of a plain autoencoder."""

    mean: Float[Tensor, "codes latent"]

    def rsample(self) -> Float[Tensor, "codes latent"]:
        """The point itself."""
        return self.mean

    def kl(self) -> None:
        """A point mass has no finite divergence from a density."""
        return None

    def log_prob(self, z: Float[Tensor, "codes latent"]) -> None:
        """A point mass has no density."""
        return None


class DiagonalGaussian(NamedTuple):
    """Independent normal components.

    Arguments:
        mean: Mean of each component.
        logvar: Log variance of each component, in log squared latent units.
    """

    mean: Float[Tensor, "codes latent"]
    logvar: Float[Tensor, "codes latent"]

    def rsample(self) -> Float[Tensor, "codes latent"]:
        """Mean plus scaled noise from the global generator, which `fit` seeds."""
        return torch.addcmul(self.mean, torch.randn_like(self.mean), (0.5 * self.logvar).exp())

    def kl(self) -> Float[Tensor, " codes"]:
        r"""Divergence from the standard normal, in nats.

        .. math:: \tfrac12 \sum_d (\mu_d^2 + \sigma_d^2 - 1 - \log \sigma_d^2)

        Source: Kingma & Welling 2014, appendix B; the KL term of Wang et al. 2022, Eq. (14).
        """
        return 0.5 * (self.mean.square() + self.logvar.exp() - 1 - self.logvar).sum(1)

    def log_prob(self, z: Float[Tensor, "codes latent"]) -> Float[Tensor, " codes"]:
        """Log-density of one `z` per code, in nats."""
        scaled = (z - self.mean).square() * (-self.logvar).exp()
        return -0.5 * (scaled + self.logvar + LOG_2PI).sum(1)
