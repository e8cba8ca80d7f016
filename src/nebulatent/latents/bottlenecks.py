"""Features → posterior: the choice between an autoencoder and a variational autoencoder."""

from torch import nn

from nebulatent.latents.posterior import DiagonalGaussian, Dirac
from nebulatent.typing import Float, Tensor

LOGVAR_RANGE = (-20.0, 10.0)  # exp() stays finite and above 1e-9 in float32


def _check_sizes(feature_dim: int, latent_dim: int) -> None:
    for name, size in (("feature_dim", feature_dim), ("latent_dim", latent_dim)):
        if size < 1:
            raise ValueError(f"`{name}` must be positive, got {size}.")


class Deterministic(nn.Module):
    """Maps features linearly to one code: the bottleneck of a plain autoencoder.

    Arguments:
        feature_dim: Size of the encoder's output.
        latent_dim: Dimension of a code.

    Raises:
        ValueError: If a size is not positive.
    """

    def __init__(self, feature_dim: int, latent_dim: int) -> None:
        super().__init__()
        _check_sizes(feature_dim, latent_dim)
        self.latent_dim = latent_dim
        self.mean = nn.Linear(feature_dim, latent_dim)

    def forward(self, h: Float[Tensor, "codes features"]) -> Dirac:
        """The code of each row of features."""
        return Dirac(self.mean(h))


class Rectified(nn.Module):
    """Like `Deterministic`, with codes that are not negative.

    Source: Yang et al., 3D-RecGAN, ICCVW 2017: the code is a fully connected layer after its ReLU.

    Arguments:
        feature_dim: Size of the encoder's output.
        latent_dim: Dimension of a code.

    Raises:
        ValueError: If a size is not positive.
    """

    def __init__(self, feature_dim: int, latent_dim: int) -> None:
        super().__init__()
        self.linear = Deterministic(feature_dim, latent_dim)
        self.latent_dim = latent_dim

    def forward(self, h: Float[Tensor, "codes features"]) -> Dirac:
        """The code of each row of features."""
        return Dirac(self.linear(h).mean.relu())


class Variational(nn.Module):
    """Maps features to a diagonal Gaussian: the bottleneck of a variational autoencoder.

    Arguments:
        feature_dim: Size of the encoder's output.
        latent_dim: Dimension of a code.

    Raises:
        ValueError: If a size is not positive.

    Notes:
        The log variance is clamped to [-20, 10], so that one wild batch cannot overflow.
    """

    def __init__(self, feature_dim: int, latent_dim: int) -> None:
        super().__init__()
        _check_sizes(feature_dim, latent_dim)
        self.latent_dim = latent_dim
        self.moments = nn.Linear(feature_dim, 2 * latent_dim)

    def forward(self, h: Float[Tensor, "codes features"]) -> DiagonalGaussian:
        """The posterior of each row of features."""
        mean, logvar = self.moments(h).chunk(2, dim=1)
        return DiagonalGaussian(mean, logvar.clamp(*LOGVAR_RANGE))


class NormalizedVariational(nn.Module):
    r"""Like `Variational`, with mean and log variance normalised over the batch.

    Source: Wu et al. 2023 (SwitchVAE), "with latent representations normalized"; the authors' code
        has a batch normalisation after either linear map. It keeps every latent dimension in use:
        over a batch the mean of dimension d has variance :math:`\gamma_d^2`, whatever the KL says.

    Arguments:
        feature_dim: Size of the encoder's output.
        latent_dim: Dimension of a code.

    Raises:
        ValueError: If a size is not positive.
    """

    def __init__(self, feature_dim: int, latent_dim: int) -> None:
        super().__init__()
        _check_sizes(feature_dim, latent_dim)
        self.latent_dim = latent_dim
        self.moments = nn.Linear(feature_dim, 2 * latent_dim)
        self.norm = nn.BatchNorm1d(2 * latent_dim)

    def forward(self, h: Float[Tensor, "codes features"]) -> DiagonalGaussian:
        """The posterior of each row of features."""
        mean, logvar = self.norm(self.moments(h)).chunk(2, dim=1)
        return DiagonalGaussian(mean, logvar.clamp(*LOGVAR_RANGE))
