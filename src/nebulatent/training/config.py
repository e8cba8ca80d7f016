"""How long, how fast and with how much care to train."""

from dataclasses import dataclass
from math import inf
from typing import Literal, get_args

Schedule = Literal["linear", "cosine", "constant"]


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """Options of `fit`: all that its numbers depend on.

    Raises:
        ValueError: If a value is out of its range.
    """

    epochs: int = 10
    """Passes over the data, at most."""
    lr: float = 1e-3
    """Learning rate of Adam."""
    warmup_steps: int = 0
    """Steps over which the learning rate rises linearly from zero."""
    schedule: Schedule = "linear"
    """How the learning rate falls at the end: linearly, along a cosine, or not at all."""
    decay: float = 0.4
    """Share of the steps, at the end, over which the learning rate falls to zero."""
    clip: float | None = None
    """Longest gradient; a longer one is scaled down to it."""
    accumulate: int = 1
    """Batches whose gradients are averaged for one step."""
    ema: float | None = None
    """Decay of an average over the weights, which is what training leaves (0.999, say)."""
    patience: int | None = None
    """Epochs without a better score after which training stops; the best weights are then kept."""
    compile: bool = False
    """Whether to compile the method with `torch.compile`."""
    deterministic: bool = False
    """Whether to refuse operations whose result is not the same each time."""
    seed: int = 0
    """Fixes the noise of the posteriors and the start of the anchors."""

    def __post_init__(self) -> None:
        _at_least(1, epochs=self.epochs, accumulate=self.accumulate)
        _at_least(0, warmup_steps=self.warmup_steps)
        if not 0 < self.lr < inf:
            raise ValueError(f"`lr` must be positive and finite, got {self.lr}.")
        if self.schedule not in get_args(Schedule):
            raise ValueError(
                f"`schedule` must be {', '.join(get_args(Schedule))}, got {self.schedule!r}."
            )
        if not 0 <= self.decay <= 1:
            raise ValueError(f"`decay` must lie in 0..1, got {self.decay}.")
        if self.clip is not None and not 0 < self.clip < inf:
            raise ValueError(f"`clip` must be positive and finite, got {self.clip}.")
        if self.ema is not None and not 0 < self.ema < 1:
            raise ValueError(f"`ema` must lie between 0 and 1, got {self.ema}.")
        if self.patience is not None:
            _at_least(1, patience=self.patience)
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"`seed` must lie in 0..{2**32 - 1}, got {self.seed}.")


def _at_least(smallest: int, **values: int) -> None:
    for name, value in values.items():
        if value < smallest:
            raise ValueError(f"`{name}` must be at least {smallest}, got {value}.")
