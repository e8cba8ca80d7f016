r"""Metric learning from labels, whoever gave them: the pair and the triplet term.

| equation | function |
|---|---|
| (15) | `pair_loss` |
| (16) | `triplet_loss` |
"""

import torch

from nebulatent.ops.known_gradients import with_gradients
from nebulatent.ops.triplets import triplet_loss, triplet_value_and_gradient
from nebulatent.typing import Float, Int, Tensor

__all__ = [
    "pair_loss",
    "pair_value_and_gradient",
    "triplet_loss",
    "triplet_value_and_gradient",
]


def pair_loss(z: Float[Tensor, "codes latent"], label: Int[Tensor, " codes"]) -> Float[Tensor, ""]:
    r"""Mean squared distance over all pairs of codes with the same label, in O(codes · latent).

    .. math:: \frac{\sum_{i \ne p,\, k_i = k_p} \lVert z_i - z_p \rVert^2}{\sum_c n_c (n_c - 1)}
        = \frac{\sum_n 2\, n_{k_n} \lVert z_n - \bar z_{k_n} \rVert^2}{\sum_c n_c (n_c - 1)}

    Source: Wang et al., TPAMI 2022, Eq. (15).
    Our reading: the mean over the pairs, so that the term does not grow with the batch.
    Unit: squared latent units; 0 when no two codes share a label.

    Arguments:
        z: Codes of one batch.
        label: Label of each code, from 0; nearest anchors or classes.

    Examples:
        >>> pair_loss(torch.tensor([[0.0], [2.0], [9.0]]), torch.tensor([0, 0, 1]))
        tensor(4.)
    """
    value, gradient = pair_value_and_gradient(z, label)
    return with_gradients([z], [value], [[gradient]])[0]


def pair_value_and_gradient(
    z: Float[Tensor, "codes latent"], label: Int[Tensor, " codes"]
) -> tuple[Float[Tensor, ""], Float[Tensor, "codes latent"]]:
    """`pair_loss` and its gradient; the centres need none, theirs sum to zero exactly."""
    z = z.detach()
    counts = torch.bincount(label).to(z.dtype)
    centres = z.new_zeros(len(counts), z.shape[1]).index_add_(0, label, z)
    centres /= counts.clamp_min(1).unsqueeze(1)
    num_pairs = counts.dot(counts - 1).clamp_min(1)
    weight = (counts * (2 / num_pairs)).index_select(0, label).unsqueeze(1)
    offset = z - centres.index_select(0, label)
    pull = weight * offset
    return pull.flatten().dot(offset.flatten()), pull.mul_(2)
