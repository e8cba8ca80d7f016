r"""Likelihoods p(x|z): how well a reconstruction explains a sample, in nats per sample.

A likelihood is called with the decoder's output and the target and returns one negative
log-likelihood per sample; `mean` turns the decoder's output into data.
"""

from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import nn

from nebulatent.latents.posterior import LOG_2PI
from nebulatent.typing import Float, Tensor


@runtime_checkable
class Likelihood(Protocol):
    """Negative log-likelihood of data under a decoder's output."""

    def __call__(self, recon: Tensor, y: Tensor, /) -> Float[Tensor, " batch"]:
        """One value per sample, in nats."""
        ...

    def mean(self, recon: Tensor, /) -> Tensor:
        """The expected data."""
        ...


class Bernoulli(nn.Module):
    r"""Independent Bernoulli variables; the decoder gives logits.

    .. math:: -\sum_j y_j \log \sigma(r_j) + (1 - y_j) \log (1 - \sigma(r_j))

    Source: Wang et al., TPAMI 2022, Eq. (2).
    Our reading: for grey values between 0 and 1 this is the usual cross-entropy, not a normalised
        density; its ELBO compares models of the same data, not of different data.
    """

    def forward(self, recon: Tensor, y: Tensor) -> Float[Tensor, " batch"]:
        """Cross-entropy summed over all but the first axis."""
        loss = F.binary_cross_entropy_with_logits(recon, y, reduction="none")
        return loss.flatten(1).sum(1)

    def mean(self, recon: Tensor) -> Tensor:
        """Probability of a one."""
        return recon.sigmoid()


class WeightedBernoulli(nn.Module):
    r"""Cross-entropy in which a missed one and an invented one cost differently; logits again.

    .. math:: -\sum_j \gamma\, y_j \log \sigma(r_j) + (1 - \gamma)(1 - y_j) \log (1 - \sigma(r_j))

    Source: Wu et al. 2023 (SwitchVAE), Eq. (2), :math:`\gamma = 0.8`.
    Our reading: not a likelihood (it has no normaliser), and its optimum is not the probability of
        a one but that probability with odds times :math:`\gamma / (1 - \gamma)`; half of it is
        still the paper's threshold for a filled voxel.

    Arguments:
        gamma: Share of the ones, in (0, 1); one half is half of `Bernoulli`.

    Raises:
        ValueError: If `gamma` is not between 0 and 1.
    """

    def __init__(self, gamma: float = 0.8) -> None:
        super().__init__()
        if not 0 < gamma < 1:
            raise ValueError(f"`gamma` must lie between 0 and 1, got {gamma}.")
        self.gamma = gamma

    def forward(self, recon: Tensor, y: Tensor) -> Float[Tensor, " batch"]:
        """Weighted cross-entropy summed over all but the first axis."""
        if recon.shape != y.shape:
            raise ValueError(
                f"`recon` must have the shape of `y`, {tuple(y.shape)}, got {tuple(recon.shape)}."
            )
        y = y.to(recon.dtype)
        ones, zeros = F.softplus(-recon), F.softplus(recon)
        loss = self.gamma * y * ones + (1 - self.gamma) * (1 - y) * zeros
        return loss.flatten(1).sum(1)

    def mean(self, recon: Tensor) -> Tensor:
        """What the paper thresholds at one half."""
        return recon.sigmoid()


class Gaussian(nn.Module):
    r"""Independent normal variables with one learned noise level per feature.

    .. math:: \tfrac12 \sum_j (y_j - r_j)^2 / \sigma_j^2 + \log \sigma_j^2 + \log 2\pi

    Source: Wang et al., TPAMI 2022, Eq. (1) is this with a fixed variance of one half.
    Our reading: with a fixed variance on standardised data the KL wins and the codes collapse, so
        the noise level is learned (as in Rybkin et al. 2021, sigma-VAE).

    Arguments:
        num_features: Size of the last axis (vectors) or 1 for one level shared by all pixels.
    """

    def __init__(self, num_features: int = 1) -> None:
        super().__init__()
        self.logvar = nn.Parameter(torch.zeros(num_features))

    def forward(self, recon: Tensor, y: Tensor) -> Float[Tensor, " batch"]:
        """Negative log-density summed over all but the first axis."""
        if recon.shape != y.shape:
            raise ValueError(
                f"`recon` must have the shape of `y`, {tuple(y.shape)}, got {tuple(recon.shape)}."
            )
        logvar = self.logvar.clamp(-12.0, 12.0)
        loss = (y - recon).square() * (-logvar).exp() + logvar + LOG_2PI
        return 0.5 * loss.flatten(1).sum(1)

    def mean(self, recon: Tensor) -> Tensor:
        """The mean itself."""
        return recon
