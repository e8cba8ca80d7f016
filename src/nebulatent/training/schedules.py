"""How the learning rate changes over a run."""


def linear_decay(step: int, num_steps: int, share: float) -> float:
    """Factor of the learning rate: 1, then linearly to 0 over the last `share` of the steps.

    Examples:
        >>> [linear_decay(step, 10, 0.4) for step in (0, 6, 8)]
        [1.0, 1.0, 0.5]
    """
    remaining = (num_steps - step) / num_steps
    return 1.0 if remaining >= share else remaining / share
