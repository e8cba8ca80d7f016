r"""A code of two parts: one was learned before and stays, the other is learned now.

.. math:: q(z \mid x) = \mathcal N\bigl(z;\; (c(x), \mu(x)),\; \operatorname{diag} \sigma^2(x)\bigr)

:math:`c` is a trained network that no longer changes, not even its batch statistics. So whatever
the first part says of a sample, its cluster say, it goes on to say to the bit, while a decoder and
the second part, :math:`\mu`, are trained as in any variational autoencoder. The variance of both
parts is learned: how exactly the decoder sees :math:`c` is paid for in the KL term, and the
evidence bound stays one.

Our reading: an encoder trained for clusters and reconstruction at once was worse at both
    (spec/nvc.md section 4b, "one joint model").
"""

import torch
from torch import nn

from nebulatent.latents.bottlenecks import LOGVAR_RANGE
from nebulatent.latents.posterior import DiagonalGaussian
from nebulatent.typing import Float, Tensor


class Fixed(nn.Module):
    """A network that training leaves as it is: no gradients, and in eval mode for ever.

    Arguments:
        network: Any module.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> "Fixed":
        """Stay in eval mode, whatever is asked for."""
        return super().train(False)

    def forward(self, x: Tensor) -> Tensor:
        """What the network says."""
        return self.network(x)


class BesideFixed(nn.Module):
    """An encoder beside a fixed one: their outputs in a row, the fixed one's first.

    Arguments:
        fixed: Maps a batch to codes `(batch, fixed_dim)`.
        fixed_dim: Dimension of these codes.
        encoder: Maps a batch to features; has a `feature_dim`.
    """

    def __init__(self, fixed: nn.Module, fixed_dim: int, encoder: nn.Module) -> None:
        super().__init__()
        self.fixed, self.encoder = Fixed(fixed), encoder
        self.feature_dim = fixed_dim + int(encoder.feature_dim)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor) -> Tensor:
        """Codes and features `(batch, feature_dim)`."""
        return torch.cat([self.fixed(x), self.encoder(x)], 1)


class PartlyFixed(nn.Module):
    """Maps a fixed code and features to a diagonal Gaussian whose first means are that code.

    Arguments:
        feature_dim: Size of the encoder's output, the fixed code included.
        fixed_dim: Dimension of the fixed code.
        latent_dim: Dimension of the whole code; may be that of the fixed one.

    Raises:
        ValueError: If a part has no size.
    """

    def __init__(self, feature_dim: int, fixed_dim: int, latent_dim: int) -> None:
        super().__init__()
        if not 1 <= fixed_dim <= latent_dim:
            raise ValueError(
                f"`fixed_dim` must lie in 1..{latent_dim}, the size of a code, got {fixed_dim}."
            )
        if feature_dim <= fixed_dim:
            raise ValueError(
                f"`feature_dim` must be above `fixed_dim` ({fixed_dim}), got {feature_dim}."
            )
        self.fixed_dim, self.latent_dim = fixed_dim, latent_dim
        self.moments = nn.Linear(feature_dim - fixed_dim, 2 * latent_dim - fixed_dim)

    def forward(self, h: Float[Tensor, "codes features"]) -> DiagonalGaussian:
        """The posterior of each row."""
        fixed, features = h[:, : self.fixed_dim], h[:, self.fixed_dim :]
        logvar, mean = self.moments(features).split(
            [self.latent_dim, self.latent_dim - self.fixed_dim], 1
        )
        return DiagonalGaussian(torch.cat([fixed, mean], 1), logvar.clamp(*LOGVAR_RANGE))
