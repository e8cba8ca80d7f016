"""How long and how fast to train."""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """Options of `fit`.

    Raises:
        ValueError: If a value is out of its range.
    """

    epochs: int = 10
    """Passes over the data."""
    lr: float = 1e-3
    """Learning rate of Adam."""
    decay: float = 0.4
    """Share of the steps, at the end, over which the learning rate falls linearly to zero."""
    seed: int = 0
    """Fixes the noise of the posteriors and the start of the anchors."""

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError(f"`epochs` must be at least 1, got {self.epochs}.")
        if not 0 < self.lr < inf:
            raise ValueError(f"`lr` must be positive and finite, got {self.lr}.")
        if not 0 <= self.decay <= 1:
            raise ValueError(f"`decay` must lie in 0..1, got {self.decay}.")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"`seed` must lie in 0..{2**32 - 1}, got {self.seed}.")
