r"""The losses of the authors' released code, which are not the paper's: for comparison only.

| name in the code | formula | function |
|---|---|---|
| loss_0d | mean distance to the nearest anchor | in `ReleasedAnchors` |
| loss_1d | mean distance to the labelled anchor | in `ReleasedAnchors` |
| loss_2d | mean over all pairs of same-label distances | `same_label_loss` |
| loss_3d | ratio of near to far distances over all triplets | `ratio_loss` |

Source: `wangyida/nebula-anchors` (BSD-3, TensorFlow 1), written anew from its formulas. Without
given labels loss_0d and loss_1d are the same number; the code then adds it twice.
"""

from typing import Literal

import torch
from torch import nn

from nebulatent.latents.anchors import AnchorSet
from nebulatent.objectives.metric import pair_loss
from nebulatent.ops.distances import at_least_single, squared_distances
from nebulatent.terms import NO_TERMS, Terms
from nebulatent.typing import Float, Int, Tensor

Order = Literal[-1, 1, 2, 3]


def same_label_loss(
    z: Float[Tensor, "codes latent"], label: Int[Tensor, " codes"]
) -> Float[Tensor, ""]:
    r"""loss_2d: :math:`\frac1{N^2} \sum_{i,j} [c_i = c_j] \lVert z_i - z_j \rVert^2`.

    The pair term of Eq. (15) over all N² pairs, a code with itself included.
    """
    counts = torch.bincount(label).to(z.dtype)
    return pair_loss(z, label) * ((counts * (counts - 1)).sum() / len(z) ** 2)


def ratio_loss(
    z: Float[Tensor, "codes latent"], label: Int[Tensor, " codes"], margin: Float[Tensor, ""]
) -> Float[Tensor, ""]:
    r"""loss_3d: mean over (same, other label) triplets of :math:`d_{ij} / (d_{ik} + s)`.

    As in the code, j = i counts, too. The sum factorises over j and k, so that no
    (codes, codes, codes) tensor is built.
    Our reading: 0 when no triplet counts, where the code divides 0 by 0.
    """
    distances = squared_distances(z, z)
    same = label.unsqueeze(0) == label.unsqueeze(1)
    near = (distances * same).sum(1)
    far = (~same / (distances + margin)).sum(1)
    counted = same.sum(1) * (~same).sum(1)
    return (near @ far) / counted.sum().clamp_min(1)


class ReleasedAnchors(nn.Module):
    """Anchors with the released code's losses, in the place of `NebulaAnchors`.

    Arguments:
        num_anchors: Number of anchors.
        latent_dim: Dimension of a code.
        order: Which loss is added to loss_0d; -1 is the code's default, loss_1d + loss_3d.
        anchors: The anchors themselves, if they need a warm-up or another start.
    """

    def __init__(
        self,
        num_anchors: int,
        latent_dim: int,
        *,
        order: Order = -1,
        anchors: AnchorSet | None = None,
    ) -> None:
        super().__init__()
        if order not in (-1, 1, 2, 3):
            raise ValueError(f"`order` must be -1, 1, 2 or 3, got {order}.")
        self.order = order
        self.anchors = AnchorSet(num_anchors, latent_dim) if anchors is None else anchors
        # The margin: sigmoid of the mean of a learned projection of the anchors.
        self.margin = nn.Linear(latent_dim, 1) if order in (-1, 3) else None

    def forward(self, z: Tensor, label: Int[Tensor, " batch"] | None = None) -> Terms:
        """The terms of one batch of codes; none during the warm-up."""
        if not self.anchors.active:
            return NO_TERMS
        with torch.autocast(z.device.type, enabled=False):
            return self._terms(at_least_single(z), at_least_single(self.anchors.positions), label)

    def _terms(self, z: Tensor, positions: Tensor, label: Tensor | None) -> Terms:
        distances = squared_distances(z, positions)
        label = distances.argmin(1) if label is None else label
        values = {"loss_0d": distances.min(1).values.mean()}
        if self.order in (-1, 1):
            values["loss_1d"] = distances.gather(1, label.unsqueeze(1)).mean()
        if self.order == 2:
            values["loss_2d"] = same_label_loss(z, label)
        if self.margin is not None:
            margin = self.margin(positions).mean().sigmoid()
            values["loss_3d"] = ratio_loss(z, label, margin)
        return Terms(values)

    def assign(self, z: Float[Tensor, "codes latent"]) -> Int[Tensor, " codes"]:
        """Index of each code's nearest anchor."""
        return self.anchors.assign(z)
