"""An autoencoder whose decoder also sees the maps of the encoder's levels.

Such shortcuts carry detail past the latent: what the code says matters less, and a code alone
cannot be decoded.
"""

from torch import nn

from nebulatent.latents.autoencoder import Coding
from nebulatent.latents.posterior import Posterior
from nebulatent.typing import Float, Tensor


class SkipAutoencoder(nn.Module):
    """Encoder, bottleneck and decoder, with shortcuts from level to level.

    Arguments:
        encoder: Maps a batch to features; its `maps` gives the maps of all levels, and the features
            are the last of them, flattened.
        bottleneck: Maps features to a `Posterior`.
        decoder: Maps codes and maps to reconstructions.
    """

    def __init__(self, encoder: nn.Module, bottleneck: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.bottleneck, self.decoder = encoder, bottleneck, decoder

    def encode(self, x: Tensor) -> Posterior:
        """The posterior of each sample."""
        return self.bottleneck(self.encoder(x))

    def decode(self, z: Float[Tensor, "codes latent"]) -> Tensor:
        """Refused: there are no maps.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            "`z` alone cannot be decoded by an autoencoder with shortcuts, got codes; call it with "
            "samples, or train it without shortcuts."
        )

    def forward(self, x: Tensor) -> Coding:
        """Encode, draw one code, decode with the maps."""
        maps = self.encoder.maps(x)  # pyright: ignore[reportCallIssue]
        posterior = self.bottleneck(maps[-1].flatten(1))
        z = posterior.rsample()
        return Coding(x, posterior, z, self.decoder(z, maps))
