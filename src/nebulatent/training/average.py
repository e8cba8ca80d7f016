r"""An exponential moving average of the weights.

.. math:: \bar\theta \leftarrow d\,\bar\theta + (1 - d)\,\theta
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from nebulatent.typing import Tensor


class Average:
    """The average of a method's parameters; buffers are taken as they are.

    Arguments:
        method: Whose parameters.
        decay: d above; None keeps no average.
    """

    def __init__(self, method: nn.Module, decay: float | None) -> None:
        self.decay = decay
        self.own = dict(method.named_parameters()) if decay is not None else {}
        self.values: dict[str, Tensor] = {k: v.detach().clone() for k, v in self.own.items()}

    def update(self) -> None:
        """Take one step towards the present weights."""
        if self.decay is not None:
            with torch.no_grad():
                for name, value in self.own.items():
                    self.values[name].lerp_(value, 1 - self.decay)

    @torch.no_grad()
    def follow(self, moved: set[Tensor]) -> None:
        """Jump to parameters that were moved by hand: the way there means nothing."""
        for name, value in self.own.items():
            if value in moved:
                self.values[name].copy_(value)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The method has the averaged weights inside, and its own afterwards."""
        own = {name: value.detach().clone() for name, value in self.own.items()}
        self._put(self.values)
        try:
            yield
        finally:
            self._put(own)

    @torch.no_grad()
    def _put(self, values: dict[str, Tensor]) -> None:
        for name, value in values.items():
            self.own[name].copy_(value)

    def weights(self, method: nn.Module) -> dict[str, Tensor]:
        """What training would leave now."""
        return method.state_dict() | self.values
