r"""Classes that a network is told: the labels of a batch, and how unlikely it finds them.

.. math:: -\log p(c \mid x) = -s_c + \log \sum_k \exp s_k
"""

import torch.nn.functional as F

from nebulatent.data.batch import Batch
from nebulatent.ops.distances import at_least_single
from nebulatent.typing import Float, Int, Tensor


def class_nll(
    logits: Float[Tensor, "batch classes"], label: Int[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    """Negative log-likelihood of each label under the softmax of its scores.

    Unit: nats; log of the number of classes where a network knows nothing.
    """
    return F.cross_entropy(at_least_single(logits), label, reduction="none")


def told_classes(batch: Batch, num_classes: int) -> Int[Tensor, " batch"]:
    """The labels of a batch, for a method that learns from them.

    Raises:
        ValueError: If the batch has no labels, or one that there is no class for.
    """
    if batch.label is None:
        raise ValueError("`label` must be given to a supervised method, got none.")
    low, high = int(batch.label.min()), int(batch.label.max())
    if not 0 <= low <= high < num_classes:
        raise ValueError(f"`label` must lie in 0..{num_classes - 1}, got {low}..{high}.")
    return batch.label
