r"""Whether an exported graph says what its source says, in numbers.

.. math:: \max \frac{|\text{found} - \text{expected}|}{\max(u, \max |\text{expected}|)}

for each output. The unit u is 1 for codes; for decoded data it is the scale of the data, and both
maxima are taken per feature where that is. Anchor probabilities are compared with those of the
*exported* mean, in double precision, and u is half the squared distance of the nearest anchor, at
least 1: single precision cannot tell a softmax of large numbers closer than that. The anchor's
difference is how much more probable the source's choice is, so that a tie is none.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch

from nebulatent.apps.exports.export_formats import Graph
from nebulatent.apps.planning.build import find_anchors
from nebulatent.data.scaling import Scaling
from nebulatent.latents.anchors import AnchorSet
from nebulatent.latents.posterior import DiagonalGaussian
from nebulatent.methods.cvae import CVAE
from nebulatent.methods.nvc import NVC
from nebulatent.methods.rec_gan import RecGAN
from nebulatent.methods.switch_vae import SwitchVAE
from nebulatent.methods.vae import VAE
from nebulatent.typing import Float, Int, Tensor

TOLERANCE = 1e-5
BATCHES = (1, 3, 7)
Sample = Callable[[int, torch.Generator], Float[Tensor, "codes latent"]]
Source = VAE | CVAE | NVC | SwitchVAE | RecGAN


class Trial(NamedTuple):
    """Inputs of one comparison, all with as many rows."""

    x: Float[Tensor, "batch ..."]
    z: Float[Tensor, "codes latent"]
    label: Int[Tensor, " codes"] | None

    @property
    def codes(self) -> dict[str, Tensor]:
        """What a decoder takes."""
        return {"z": self.z} | ({} if self.label is None else {"label": self.label})


@torch.no_grad()
def trials(method: Source, scaling: Scaling, sample: Sample) -> Iterator[Trial]:
    """Batches of 1, 3 and 7 rows: decoded codes, which look like data, and then noise.

    Arguments:
        method: A trained method in eval mode.
        scaling: That of its training data.
        sample: Draws codes like those of the training data.
    """
    generator = torch.Generator().manual_seed(0)
    for rows in BATCHES:
        label = torch.arange(rows) % method.num_classes if isinstance(method, CVAE) else None
        z = sample(rows, generator)
        x = scaling.invert(method.decode(z, label))
        yield Trial(x, z, label)
        noise = torch.randn(x.shape, generator=generator)
        wild = (noise > 0).float() if scaling.rule == "binary" else scaling.invert(noise)
        yield Trial(wild, torch.randn(z.shape, generator=generator), label)


@torch.no_grad()
def encoder_differences(
    graph: Graph, method: Source, scaling: Scaling, x: Tensor
) -> dict[str, float]:
    """Difference of each output of an encoder for raw data."""
    found, posterior = graph({"x": x}), method.encode(scaling.apply(x))
    differences = {"mean": difference(found["mean"], posterior.mean)}
    if isinstance(posterior, DiagonalGaussian):
        differences["logvar"] = difference(found["logvar"], posterior.logvar)
    anchors = find_anchors(method)
    return differences if anchors is None else differences | _anchors(found, anchors)


def _anchors(found: Mapping[str, Tensor], anchors: AnchorSet) -> dict[str, float]:
    exact = copy.deepcopy(anchors).double()
    z = found["mean"].double()
    offset = z - exact.positions[exact.assign(z)]
    unit = (offset.square().sum(1) / 2).clamp_min(1.0)
    expected = exact.probabilities(z)
    error = (found["probability"] - expected).abs().amax(1)
    lost = expected.amax(1) - expected.gather(1, found["anchor"].unsqueeze(1))[:, 0]
    return {"probability": (error / unit).max().item(), "anchor": (lost / unit).max().item()}


@torch.no_grad()
def decoder_differences(
    graph: Graph, method: Source, scaling: Scaling, trial: Trial
) -> dict[str, float]:
    """Difference of decoded data."""
    expected = scaling.invert(method.decode(trial.z, trial.label))
    return {"x": difference(graph(trial.codes)["x"], expected, scaling.scale.abs())}


def difference(found: Tensor, expected: Tensor, unit: Float[Tensor, "..."] | None = None) -> float:
    """Largest difference relative to the largest expected value, per feature if the unit is.

    Examples:
        >>> difference(torch.tensor([[1.0, 8.0]]), torch.tensor([[1.0, 10.0]]))
        0.2...
    """
    unit = torch.ones(()) if unit is None else unit
    size = expected.abs().amax(0) if unit.ndim else expected.abs().max()
    return ((found - expected).abs() / torch.maximum(size, unit)).max().item()


def worst(measured: list[dict[str, float]]) -> dict[str, float]:
    """The largest difference of each output over several comparisons; NaN is larger than any."""
    return {
        name: torch.tensor([row[name] for row in measured]).max().item() for name in measured[0]
    }


def check_agreement(what: str, differences: Mapping[str, float]) -> None:
    """Refuse a graph that does not agree with its source.

    Raises:
        ValueError: If a difference exceeds the tolerance or is not a number.
    """
    for name, value in differences.items():
        if not value <= TOLERANCE:
            raise ValueError(
                f"The exported {what} must agree with the run to {TOLERANCE:g}, got a difference "
                f"of {value:.2g} in `{name}`; nothing was written, try another --format."
            )
