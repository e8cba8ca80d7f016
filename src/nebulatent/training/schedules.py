"""How the learning rate changes over a run."""

from math import cos, pi

from nebulatent.training.config import FitConfig


def lr_factor(step: int, num_steps: int, config: FitConfig) -> float:
    """Factor of the learning rate: up over the warm-up, 1, then down to 0 over the last share.

    Examples:
        >>> config = FitConfig(decay=0.4)
        >>> [lr_factor(step, 10, config) for step in (0, 6, 8)]
        [1.0, 1.0, 0.5]
        >>> [lr_factor(step, 10, FitConfig(warmup_steps=4, decay=0.0)) for step in (0, 3, 4)]
        [0.25, 1.0, 1.0]
    """
    up = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    remaining = (num_steps - step) / num_steps
    if config.schedule == "constant" or remaining >= config.decay:
        return up
    left = remaining / config.decay
    return up * (left if config.schedule == "linear" else (1 - cos(pi * left)) / 2)
