"""What one training step sees, and the order in which an epoch visits the data.

Batch `index` of an epoch is a function of (seed, epoch, index) alone, so a run that was stopped
needs no stored state to go on, even inside an epoch, and workers that read ahead change no number.
"""

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch

from nebulatent.data.rows import Rows
from nebulatent.data.workers import read_ahead
from nebulatent.typing import Int, Tensor

View = Callable[[Tensor, torch.Generator], Tensor]


class Batch(NamedTuple):
    """Samples of one step.

    Arguments:
        x: What the encoder sees.
        y: What the decoder must produce; `None` means `x` itself.
        label: Read only by methods that say they are supervised.
        also: The same samples in other forms, by name (pictures of a shape beside its voxels); read
            by methods of several modalities.
    """

    x: Tensor
    y: Tensor | None = None
    label: Int[Tensor, " batch"] | None = None
    also: Mapping[str, Tensor] | None = None

    def apply(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        """The batch with every tensor changed."""
        return Batch(
            change(self.x),
            None if self.y is None else change(self.y),
            None if self.label is None else change(self.label),
            self.also and {name: change(part) for name, part in self.also.items()},
        )


class Batches:
    """Batches of samples, in memory or on disk, shuffled anew every epoch.

    An epoch is cut into batches whose sizes differ by at most one, so that no batch is a lone
    remainder (a batch of one breaks batch normalisation and has no pairs; `batch_size` of at least
    3 for each process never leaves one).

    Arguments:
        x: Samples, any dtype; `prepare` turns a batch of them into floats. Of rows on disk only
            those of a batch are read.
        label: One label per sample, handed on only if given.
        batch_size: The largest batch, over all processes.
        seed: Fixes every epoch's order and every view.
        prepare: Applied to each batch of `x` (scaling).
        view: A random corruption of the prepared batch; then `Batch.x` is the corrupted batch and
            `Batch.y` the clean one.
        num_workers: Processes that read an epoch's batches ahead; 0 reads them when asked.
        y: What the decoder must produce of each sample, if not `x`; neither prepared nor corrupted.
        also: The same samples in other forms, by name; neither prepared nor corrupted.

    Raises:
        ValueError: If there are no samples, `batch_size` is not positive, `num_workers` is
            negative, or the numbers of samples and of labels, targets or other forms differ.
    """

    def __init__(  # noqa: PLR0913
        self,
        x: Tensor | Rows,
        label: Int[Tensor, " samples"] | None = None,
        *,
        batch_size: int = 128,
        seed: int = 0,
        prepare: Callable[[Tensor], Tensor] | None = None,
        view: View | None = None,
        num_workers: int = 0,
        y: Tensor | Rows | None = None,
        also: Mapping[str, Tensor | Rows] = {},
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"`batch_size` must be positive, got {batch_size}.")
        if num_workers < 0:
            raise ValueError(f"`num_workers` must not be negative, got {num_workers}.")
        if len(x) == 0:
            raise ValueError("`x` must hold at least one sample, got none.")
        for name, part in {"label": label, "y": y, **also}.items():
            if part is not None and len(part) != len(x):
                raise ValueError(
                    f"`{name}` must have one entry per sample ({len(x)}), got {len(part)}; "
                    "check that both come from the same file."
                )
        self.x: Tensor | Rows = torch.from_numpy(x) if isinstance(x, np.ndarray) else x
        self.label, self.y, self.also = label, y, dict(also)
        self.batch_size, self.seed, self.num_workers = batch_size, seed, num_workers
        self.prepare, self.view = prepare, view
        self.rank, self.world_size = 0, 1
        self._latest: tuple[int, Tensor] | None = None  # an epoch and this process's order of it

    def share(self, rank: int, world_size: int) -> "Batches":
        """The part of every batch that is one process's, the same number of samples for each.

        Of n samples, n mod `world_size` are left out of each epoch, others each time. Views draw
        other numbers in each process.

        Raises:
            ValueError: If `rank` is not one of `world_size` processes, or there are fewer samples,
                or a smaller `batch_size`, than processes.
        """
        if not 0 <= rank < world_size:
            raise ValueError(f"`rank` must lie in 0..{world_size - 1}, got {rank}.")
        if world_size > min(self.batch_size, len(self.x)):
            raise ValueError(
                f"`world_size` must be at most `batch_size` ({self.batch_size}) and the number of "
                f"samples ({len(self.x)}), got {world_size}."
            )
        part = copy.copy(self)
        part.rank, part.world_size, part._latest = rank, world_size, None
        return part

    @property
    def num_samples(self) -> int:
        """Samples of an epoch, over all processes."""
        return self._own_samples * self.world_size

    @property
    def _own_samples(self) -> int:
        return len(self.x) // self.world_size

    def __len__(self) -> int:
        """Number of batches in an epoch, the same for each process."""
        return math.ceil(self._own_samples / (self.batch_size // self.world_size))

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch from number `start`, the same whenever they are asked for."""
        if self.num_workers and start < len(self):
            yield from read_ahead(self, epoch, start)
        else:
            yield from (self.batch(epoch, index) for index in range(start, len(self)))

    def batch(self, epoch: int, index: int) -> Batch:
        """One batch of an epoch.

        Raises:
            IndexError: If an epoch has no such batch.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"`index` must lie in 0..{len(self) - 1}, got {index}.")
        size, longer = divmod(self._own_samples, len(self))
        start = index * size + min(index, longer)
        rows = self._order(epoch)[start : start + size + (index < longer)]
        clean = self._read(rows)
        if self.view is None:
            return clean
        y = clean.x if clean.y is None else clean.y
        return clean._replace(x=self.view(clean.x, self._generator(epoch, index)), y=y)

    def sample(self, count: int) -> Batch:
        """At most `count` prepared samples, the same every time, not corrupted; no other forms."""
        generator = torch.Generator().manual_seed(self.seed)
        rows = torch.randperm(len(self.x), generator=generator)[:count]
        return self._read(rows, also=False)

    def _read(self, rows: Int[Tensor, " batch"], *, also: bool = True) -> Batch:
        x = _rows(self.x, rows)
        return Batch(
            x if self.prepare is None else self.prepare(x),
            None if self.y is None else _rows(self.y, rows),
            None if self.label is None else self.label[rows],
            {name: _rows(part, rows) for name, part in self.also.items() if also} or None,
        )

    def _order(self, epoch: int) -> Int[Tensor, " samples"]:
        """This process's samples in the order of their visit: every `world_size`-th of all."""
        if self._latest is None or self._latest[0] != epoch:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
            order = torch.randperm(len(self.x), generator=generator)
            whole = order[: self.num_samples].view(-1, self.world_size)
            self._latest = epoch, whole[:, self.rank].contiguous()
        return self._latest[1]

    def _generator(self, epoch: int, index: int) -> torch.Generator:
        """The view's randomness in one batch, told apart from all others by a hash."""
        place = np.random.SeedSequence((self.seed, epoch, index, self.rank))
        return torch.Generator().manual_seed(int(place.generate_state(1, np.uint64)[0]))


def _rows(part: Tensor | Rows, rows: Int[Tensor, " batch"]) -> Tensor:
    return part[rows] if isinstance(part, Tensor) else torch.from_numpy(part[rows.numpy()])
