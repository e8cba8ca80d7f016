"""Encoder, bottleneck and decoder in a row: h = f(x), q(z|h), reconstruction = g(z)."""

from typing import NamedTuple

from torch import nn

from nebulatent.latents.posterior import Posterior
from nebulatent.typing import Float, Tensor


class Coding(NamedTuple):
    """All that is known of one batch.

    Arguments:
        x: The batch.
        posterior: q(z|x).
        z: One sample of the posterior.
        recon: What the decoder says of `z`: the parameters of the likelihood (logits for
            Bernoulli, means for Gaussian).
    """

    x: Tensor
    posterior: Posterior
    z: Float[Tensor, "codes latent"]
    recon: Tensor


class Autoencoder(nn.Module):
    """Any encoder and decoder around a bottleneck.

    Arguments:
        encoder: Maps a batch to features `(batch, features)`.
        bottleneck: Maps features to a `Posterior`; `Deterministic` or `Variational`.
        decoder: Maps codes `(batch, latent)` to reconstructions.
    """

    def __init__(self, encoder: nn.Module, bottleneck: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.bottleneck, self.decoder = encoder, bottleneck, decoder

    def encode(self, x: Tensor) -> Posterior:
        """The posterior of each sample."""
        return self.bottleneck(self.encoder(x))

    def decode(self, z: Float[Tensor, "codes latent"]) -> Tensor:
        """The decoder's output for each code."""
        return self.decoder(z)

    def forward(self, x: Tensor) -> Coding:
        """Encode, draw one code, decode."""
        posterior = self.encode(x)
        z = posterior.rsample()
        return Coding(x, posterior, z, self.decode(z))
