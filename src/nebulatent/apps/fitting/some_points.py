"""Training on some points of each cloud, others at each step."""

import torch
from torch import nn

from nebulatent.data.batch import Batch
from nebulatent.latents.posterior import Posterior
from nebulatent.terms import Terms
from nebulatent.typing import Float, Tensor


class OnSomePoints(nn.Module):
    """Another method, trained on some points of each cloud, others at each step.

    The choice comes from the global generator, which `fit` seeds.

    Arguments:
        method: The method.
        count: Points that a step sees; all if there are fewer.
    """

    def __init__(self, method: nn.Module, count: int) -> None:
        super().__init__()
        self.method, self.count = method, count

    def forward(self, batch: Batch) -> Terms:
        """The terms of some points of a batch."""
        chosen = torch.randperm(batch.x.shape[1])[: self.count]
        return self.method(Batch(batch.x[:, chosen], label=batch.label))

    def encode(self, x: Float[Tensor, "batch points 3"]) -> Posterior:
        """The method's code of each whole cloud."""
        return self.method.encode(x)  # pyright: ignore[reportCallIssue]
