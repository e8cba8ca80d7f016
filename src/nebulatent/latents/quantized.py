r"""A codebook: each code is replaced by the nearest of a few vectors.

.. math:: k(z) = \arg\min_i \lVert z - e_i \rVert^2, \qquad z_q = e_{k(z)}, \qquad
    \frac{\partial z_q}{\partial z} := I

Source: van den Oord, Vinyals, Kavukcuoglu: Neural Discrete Representation Learning, NeurIPS 2017,
Eq. (1)-(2) and appendix A.1.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn

from nebulatent.latents.anchors import AnchorSet, Snapshot, kmeans
from nebulatent.ops.distances import at_least_single, squared_distances
from nebulatent.ops.processes import gather_rows
from nebulatent.typing import Float, Int, Tensor

SMALLEST = 1e-5  # moving count below which an entry has no codes and stays where it is


class Quantized(NamedTuple):
    """Codes and their entries.

    Arguments:
        code: The entry's value with the gradient of z (straight-through).
        entry: The entry itself; its gradient moves the codebook.
        label: Number of the entry.
    """

    code: Float[Tensor, "codes latent"]
    entry: Float[Tensor, "codes latent"]
    label: Int[Tensor, " codes"]


class Codebook(nn.Module):
    """Trainable entries that start at the k-means centres of the codes and do not die.

    Our reading: the paper draws the entries at random, and many then never win a code. As with
        anchors, they are placed on the data when the warm-up ends, and an entry without codes is
        moved at the start of an epoch onto a code far from every entry.

    Arguments:
        num_entries: Number of entries, K.
        entry_dim: Dimension of an entry; a code of several entries is cut into as many parts.
        decay: Of the moving averages that replace the gradient (appendix A.1; 0.99 there); None
            lets the gradient of Eq. (3) move the entries.
        warmup_epochs: Epochs in which codes pass unchanged; needs `begin_epoch`, as `fit` calls it.
        num_starts: Runs of k-means of which the best is taken.

    Raises:
        ValueError: If a size is not positive, or `decay` does not lie in 0..1.
    """

    counts: Tensor
    sums: Tensor

    def __init__(
        self,
        num_entries: int,
        entry_dim: int,
        *,
        decay: float | None = None,
        warmup_epochs: int = 0,
        num_starts: int = 20,
    ) -> None:
        super().__init__()
        for name, size in (("num_entries", num_entries), ("entry_dim", entry_dim)):
            if size < 1:
                raise ValueError(f"`{name}` must be positive, got {size}.")
        if decay is not None and not 0 < decay < 1:
            raise ValueError(f"`decay` must lie between 0 and 1, got {decay}.")
        self.num_entries, self.entry_dim, self.decay = num_entries, entry_dim, decay
        self.warmup_epochs, self.num_starts = warmup_epochs, num_starts
        self.entries = nn.Parameter(torch.randn(num_entries, entry_dim))
        self.register_buffer("counts", torch.ones(num_entries))
        self.register_buffer("sums", self.entries.detach().clone())
        self.epoch, self.placed = -1, False

    @property
    def active(self) -> bool:
        """Whether the warm-up is over."""
        return self.epoch >= self.warmup_epochs or not self.warmup_epochs

    def forward(self, z: Float[Tensor, "codes latent"]) -> Quantized:
        """The nearest entries; in training with `decay`, they then follow the codes."""
        z = at_least_single(z)
        label = self.assign(z)
        entry = self.entries.index_select(0, label)
        if self.decay is not None:
            entry = entry.detach()
            if self.training:
                self.follow(z.detach(), label)
        return Quantized(z + (entry - z).detach(), entry, label)

    @torch.no_grad()
    def follow(self, z: Float[Tensor, "codes latent"], label: Int[Tensor, " codes"]) -> None:
        r"""Move each entry to the moving average of its codes.

        .. math:: N_i \leftarrow \gamma N_i + (1 - \gamma) n_i, \quad
            m_i \leftarrow \gamma m_i + (1 - \gamma) \sum_j z_{i,j}, \quad
            e_i \leftarrow m_i / N_i

        Source: van den Oord et al. 2017, appendix A.1. Takes the codes of all processes.
        """
        assert self.decay is not None
        z, label = gather_rows(z).to(self.sums), gather_rows(label)
        won = torch.bincount(label, minlength=self.num_entries)
        self.counts.lerp_(won.to(self.counts), 1 - self.decay)
        self.sums.lerp_(torch.zeros_like(self.sums).index_add_(0, label, z), 1 - self.decay)
        mean = self.sums / self.counts.clamp_min(SMALLEST).unsqueeze(1)
        alive = (self.counts > SMALLEST).unsqueeze(1)
        self.entries.copy_(torch.where(alive, mean, self.entries))

    def assign(self, z: Float[Tensor, "codes latent"]) -> Int[Tensor, " codes"]:
        """Number of each code's nearest entry; no gradient."""
        with torch.no_grad():
            return squared_distances(z, self.entries).argmin(1)

    def begin_epoch(self, epoch: int, snapshot: Callable[[], Snapshot], seed: int = 0) -> None:
        """Place the entries when the warm-up ends; later move those that lost their codes."""
        self.epoch = epoch
        if not self.active:
            return
        z = snapshot().z.reshape(-1, self.entry_dim)
        if not self.placed:
            self._put(kmeans(z, self.num_entries, seed, num_starts=self.num_starts))
            self.placed = True
            return
        moved = AnchorSet(self.num_entries, self.entry_dim).to(self.entries)
        moved.positions.data.copy_(self.entries)
        if moved.move_empty(z, seed=seed + epoch):
            self._put(moved.positions.detach())

    @torch.no_grad()
    def _put(self, entries: Tensor) -> None:
        """Move entries by hand; the averages of those that moved start anew from one code each."""
        still = (entries == self.entries).all(1)
        self.entries.copy_(entries)
        self.counts.copy_(torch.where(still, self.counts, torch.ones_like(self.counts)))
        self.sums.copy_(torch.where(still.unsqueeze(1), self.sums, self.entries))

    def get_extra_state(self) -> Tensor:
        """The epoch and whether the entries were placed, as a tensor so that it can be saved."""
        return torch.tensor([self.epoch, int(self.placed)])

    def set_extra_state(self, state: Tensor) -> None:
        """Restore what `get_extra_state` saved."""
        self.epoch, self.placed = int(state[0]), bool(state[1])

    def extra_repr(self) -> str:
        """Sizes, for `print`."""
        return f"num_entries={self.num_entries}, entry_dim={self.entry_dim}"
