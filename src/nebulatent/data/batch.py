"""What one training step sees, and the order in which an epoch visits the data.

An epoch's order is a function of (seed, epoch) alone, so a resumed run needs no stored state to
continue in the same order.
"""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch

from nebulatent.typing import Int, Tensor

View = Callable[[Tensor, torch.Generator], Tensor]


class Batch(NamedTuple):
    """Samples of one step.

    Arguments:
        x: What the encoder sees.
        y: What the decoder must produce; `None` means `x` itself.
        label: Read only by methods that say they are supervised.
    """

    x: Tensor
    y: Tensor | None = None
    label: Int[Tensor, " batch"] | None = None


class Batches:
    """Batches of samples held in memory, shuffled anew every epoch.

    An epoch is cut into batches whose sizes differ by at most one, so that no batch is a lone
    remainder (a batch of one breaks batch normalisation and has no pairs; `batch_size` of at least
    3 never leaves one).

    Arguments:
        x: Samples, any dtype; `prepare` turns a batch of them into floats.
        label: One label per sample, handed on only if given.
        batch_size: The largest batch.
        seed: Fixes every epoch's order and every view.
        prepare: Applied to each batch of `x` (scaling).
        view: A random corruption of the prepared batch; then `Batch.x` is the corrupted batch and
            `Batch.y` the clean one.

    Raises:
        ValueError: If there are no samples, `batch_size` is not positive, or the numbers of
            samples and labels differ.
    """

    def __init__(
        self,
        x: Tensor,
        label: Int[Tensor, " samples"] | None = None,
        *,
        batch_size: int = 128,
        seed: int = 0,
        prepare: Callable[[Tensor], Tensor] | None = None,
        view: View | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be positive, got {batch_size}.")
        if len(x) == 0:
            raise ValueError("`x` must hold at least one sample, got none.")
        if label is not None and len(label) != len(x):
            raise ValueError(
                f"`label` must have one entry per sample ({len(x)}), got {len(label)}; "
                "check that both come from the same file."
            )
        self.x, self.label = x, label
        self.batch_size, self.seed = batch_size, seed
        self.prepare, self.view = prepare, view

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return math.ceil(len(self.x) / self.batch_size)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch, the same whenever it is asked for again."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        order = torch.randperm(len(self.x), generator=generator)
        for rows in order.tensor_split(len(self)):
            yield self._batch(rows, generator)

    def _batch(self, rows: Tensor, generator: torch.Generator) -> Batch:
        x = self.x[rows]
        x = x if self.prepare is None else self.prepare(x)
        label = None if self.label is None else self.label[rows]
        if self.view is None:
            return Batch(x, label=label)
        return Batch(self.view(x, generator), y=x, label=label)

    def sample(self, count: int) -> Batch:
        """At most `count` prepared samples, the same every time, not corrupted."""
        generator = torch.Generator().manual_seed(self.seed)
        rows = torch.randperm(len(self.x), generator=generator)[:count]
        x = self.x[rows]
        x = x if self.prepare is None else self.prepare(x)
        return Batch(x, label=None if self.label is None else self.label[rows])
