"""What leaves the library: an encoder and a decoder from raw data to raw data, as plain modules.

The scaling is part of both. A graph that wants scaled data gives plausible nonsense to whoever
forgets to scale; one that takes the data as they are stored cannot be fed wrongly.
"""

from typing import NamedTuple

import torch
from torch import nn

from nebulatent.apps.planning.build import find_anchors
from nebulatent.data.scaling import Scaling
from nebulatent.latents.posterior import DiagonalGaussian
from nebulatent.methods.cvae import CVAE
from nebulatent.methods.nvc import NVC
from nebulatent.methods.rec_gan import RecGAN
from nebulatent.methods.switch_vae import SwitchVAE
from nebulatent.methods.vae import VAE
from nebulatent.typing import Float, Int, Tensor

RAW = "that of the training data"


class Port(NamedTuple):
    """An input or output of a graph, as its card describes it."""

    name: str
    type: str
    shape: tuple[str | int, ...]
    unit: str
    meaning: str


class RawEncoder(nn.Module):
    """Raw data → posterior, and what the anchors say of its mean.

    Arguments:
        method: A trained method in eval mode; its modules are shared, not copied.
        scaling: How the method's training data were scaled.
    """

    shift: Tensor
    scale: Tensor
    anchors: Tensor | None

    def __init__(self, method: VAE | CVAE | NVC | SwitchVAE | RecGAN, scaling: Scaling) -> None:
        super().__init__()
        self.encoder = method.autoencoder.encoder
        self.bottleneck = method.autoencoder.bottleneck
        self.rule = scaling.rule
        self.register_buffer("shift", scaling.shift.float())
        self.register_buffer("scale", scaling.scale.float())
        anchors = find_anchors(method)
        positions = None if anchors is None else anchors.positions.detach()
        self.register_buffer("anchors", positions)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """`mean`, `logvar` unless it is a point mass, `probability` and `anchor` given anchors."""
        posterior = self.bottleneck(self.encoder(self._scaled(x)))
        found = {"mean": posterior.mean}
        if isinstance(posterior, DiagonalGaussian):
            found["logvar"] = posterior.logvar
        if self.anchors is not None:
            # Direct, for any number of rows: `squared_distances` chooses its way by their number.
            offset = posterior.mean.unsqueeze(1) - self.anchors
            distances = offset.square().sum(2)
            found["probability"] = (distances / -2).softmax(1)
            found["anchor"] = distances.argmin(1)
        return found

    def _scaled(self, x: Tensor) -> Tensor:
        if self.rule == "binary":
            return x
        scaled = (x - self.shift) / self.scale
        return scaled.clamp(0.0, 1.0) if self.rule == "unit" else scaled


class RawDecoder(nn.Module):
    """Codes (and classes, for a conditional method) → expected data in their raw units.

    Arguments:
        method: A trained method in eval mode; its modules are shared, not copied.
        scaling: How the method's training data were scaled.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, method: VAE | CVAE | NVC | SwitchVAE | RecGAN, scaling: Scaling) -> None:
        super().__init__()
        self.decoder, self.likelihood = method.autoencoder.decoder, method.likelihood
        self.num_classes = method.num_classes if isinstance(method, CVAE) else 0
        self.register_buffer("shift", scaling.shift.float())
        self.register_buffer("scale", scaling.scale.float())

    def forward(
        self, z: Float[Tensor, "codes latent"], label: Int[Tensor, " codes"] | None = None
    ) -> dict[str, Tensor]:
        """`x`; a class that does not exist decodes as none at all."""
        if label is not None:
            classes = torch.arange(self.num_classes, device=z.device)
            z = torch.cat([z, (label.unsqueeze(1) == classes).to(z.dtype)], dim=1)
        return {"x": self.likelihood.mean(self.decoder(z)) * self.scale + self.shift}


def describe_encoder(
    encoder: RawEncoder, shape: tuple[int, ...], latent_dim: int
) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Inputs and outputs of an encoder."""
    codes = ("batch", latent_dim)
    data = Port("x", "float32", ("batch", *shape), RAW, "samples as they are stored, not scaled")
    found = {"mean": Port("mean", "float32", codes, "none", "the code: the posterior's mean")}
    found["logvar"] = Port("logvar", "float32", codes, "none", "log variance of each component")
    if encoder.anchors is not None:
        count = len(encoder.anchors)
        meaning = "probability of each anchor for the code; rows sum to 1"
        found["probability"] = Port("probability", "float32", ("batch", count), "none", meaning)
        meaning = f"number of the nearest anchor, 0 to {count - 1}"
        found["anchor"] = Port("anchor", "int64", ("batch",), "none", meaning)
    with torch.no_grad():
        names = encoder(torch.zeros(2, *shape))
    return (data,), tuple(found[name] for name in names)


def describe_decoder(
    decoder: RawDecoder, shape: tuple[int, ...], latent_dim: int
) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Inputs and outputs of a decoder."""
    ports = [Port("z", "float32", ("batch", latent_dim), "none", "codes")]
    if decoder.num_classes:
        last = decoder.num_classes - 1
        ports.append(
            Port("label", "int64", ("batch",), "none", f"class of each sample, 0 to {last}")
        )
    data = Port("x", "float32", ("batch", *shape), RAW, "the expected data of each code")
    return tuple(ports), (data,)
