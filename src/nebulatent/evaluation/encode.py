"""A trained method and samples → codes and reconstructions, batch by batch."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, runtime_checkable

import torch

from nebulatent.data.batch import Batch
from nebulatent.data.rows import Rows
from nebulatent.latents.autoencoder import Coding
from nebulatent.latents.posterior import DiagonalGaussian, Posterior
from nebulatent.terms import Terms
from nebulatent.typing import Float, Int, Tensor

ROWS, POINTS, CELLS = 1000, 1 << 16, 1 << 20
Prepare = Callable[[Tensor], Tensor]


@runtime_checkable
class Model(Protocol):
    """What evaluation needs of a trained method."""

    def code(self, batch: Batch) -> Coding:
        """Posterior, sample and reconstruction of a batch."""
        ...

    def elbo(self, coding: Coding, batch: Batch) -> Terms:
        """Reconstruction and KL of a coded batch."""
        ...

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x)."""
        ...

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Expected data of codes."""
        ...


@runtime_checkable
class Encoder(Protocol):
    """What is needed to have codes."""

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x)."""
        ...


class Codes(NamedTuple):
    """Moments of the posteriors of a data set, rows in its order."""

    mean: Float[Tensor, "codes latent"]
    variance: Float[Tensor, "codes latent"]


def chunks(
    x: Tensor | Rows,
    prepare: Prepare,
    label: Int[Tensor, " samples"] | None = None,
    y: Tensor | Rows | None = None,
) -> Iterator[Batch]:
    """Prepared batches in order, never the whole data as floats; `y` is as in `Batches`."""
    size = _at_once(x.shape)
    for start in range(0, len(x), size):
        rows = slice(start, start + size)
        yield Batch(
            prepare(torch.as_tensor(x[rows])),
            None if y is None else torch.as_tensor(y[rows]),
            None if label is None else label[rows],
        )


def _at_once(shape: tuple[int, ...]) -> int:
    """Samples of a batch: a network keeps features of every point, cell or pixel of pictures."""
    match shape:
        case (_, points, _):
            return max(1, POINTS // points)
        case (_, _, *sides) if len(sides) == 3:
            return max(1, CELLS // math.prod(sides))
        case _:
            return ROWS


@torch.no_grad()
def encode(model: Encoder, x: Tensor | Rows, prepare: Prepare) -> Codes:
    """Codes of all samples."""
    codes, start = Codes(torch.zeros(0, 0), torch.zeros(0, 0)), 0
    for batch in chunks(x, prepare):
        posterior = model.encode(batch.x)
        if not start:  # one place for all: small tensors kept between large ones scatter the memory
            empty = posterior.mean.new_zeros(len(x), posterior.mean.shape[1])
            codes = Codes(empty, empty.clone())
        rows = slice(start, start := start + len(batch.x))
        codes.mean[rows] = posterior.mean
        if isinstance(posterior, DiagonalGaussian):
            codes.variance[rows] = posterior.logvar.exp()
    return codes


@torch.no_grad()
def reconstruct(
    model: Model,
    x: Tensor | Rows,
    prepare: Prepare,
    label: Int[Tensor, " samples"] | None = None,
    y: Tensor | Rows | None = None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Pairs of (what is to be rebuilt, reconstructions of posterior means)."""
    for batch in chunks(x, prepare, label, y):
        found = model.decode(model.encode(batch.x).mean, batch.label)
        yield batch.x if batch.y is None else batch.y, found


@torch.no_grad()
def evidence(
    model: Model,
    x: Tensor | Rows,
    prepare: Prepare,
    label: Int[Tensor, " samples"] | None = None,
    seed: int = 0,
    y: Tensor | Rows | None = None,
) -> dict[str, float]:
    """Averages of the ELBO's terms over all samples, one posterior sample each, in nats.

    Returns:
        "reconstruction", "kl" (absent for a point mass) by name.
    """
    sums: dict[str, float] = {}
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for batch in chunks(x, prepare, label, y):
            for name, value in model.elbo(model.code(batch), batch).values.items():
                sums[name] = sums.get(name, 0.0) + value.item() * len(batch.x)
    return {name: value / len(x) for name, value in sums.items()}
