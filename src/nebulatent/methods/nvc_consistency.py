r"""Nebula anchors that clusters of views and neighbours agree on: label-free, no decoder.

Soft assignments :math:`p` (to the anchors) and :math:`r` (to more numerous over-anchors) of two
views of a sample, or of a sample and a neighbour, should tell one another:

.. math:: L = -I(r', r'') - w\, I(p', p'') + \lambda \lVert z \rVert^2
    + c_t\, \mathrm{CE}(g, p')

| stage | terms | what happens at its end |
|---|---|---|
| 1 | over-anchors, spread | over-anchors are merged to groups (`nebulatent.ops.consensus`) |
| 2 | all; :math:`c_t` falls from 1 to 0 in the first epochs | anchors are the clusters |

Source: spec/nvc.md sections 4b and 4c; the agreement is Ji et al., IIC, ICCV 2019, over-clustering
included (its auxiliary head is here the over-anchors). Wang et al., TPAMI 2022, have no such terms.

| equation | function |
|---|---|
| agreement :math:`I` | `nebulatent.objectives.consistency.agreement_loss` |
| soft assignment | `nebulatent.latents.anchors.AnchorSet.probabilities` |
| the sum above | `NVCConsistency` |
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from nebulatent.data.batch import Batch
from nebulatent.latents.anchors import AnchorSet, Snapshot
from nebulatent.latents.posterior import Posterior
from nebulatent.objectives.consistency import agreement_loss
from nebulatent.ops.distances import at_least_single, squared_distances
from nebulatent.terms import Terms
from nebulatent.typing import Int, Tensor


class ConsistencyWeights(NamedTuple):
    """How much each term counts; `spread` counts twice in the first stage."""

    over: float = 1.0
    anchors: float = 2.0
    spread: float = 0.01
    groups: float = 1.0


WEIGHTS = ConsistencyWeights()


class NVCConsistency(nn.Module):
    """Creates the objective of either stage: the first has no anchors.

    Its batches are pairs of views, `Batch.x` of shape (batch, 2, *sample), and row numbers
    `Batch.y` (`nebulatent.data.pairs.PairView`). Labels are not read.

    Arguments:
        encoder: Maps a batch to features `(batch, features)`.
        bottleneck: Maps features to a `Posterior`; its mean is the code.
        over_anchors: Numerous, small clusters.
        anchors: The clusters.
        groups: Anchor of each training sample that guides the clusters, less and less.
        guide_epochs: Epochs in which the groups guide; `fit` counts them.
        temperature: Variance of the Gaussians around anchors.
        weights: Weight of each term.

    Raises:
        ValueError: If anchors have other dimensions than over-anchors, or there are groups without
            anchors.
    """

    groups: Tensor | None

    def __init__(
        self,
        encoder: nn.Module,
        bottleneck: nn.Module,
        over_anchors: AnchorSet,
        anchors: AnchorSet | None = None,
        *,
        groups: Int[Tensor, " samples"] | None = None,
        guide_epochs: int = 1,
        temperature: float = 1.0,
        weights: ConsistencyWeights = WEIGHTS,
    ) -> None:
        super().__init__()
        if anchors is not None and anchors.latent_dim != over_anchors.latent_dim:
            raise ValueError(
                f"`anchors` must have dimension {over_anchors.latent_dim} like `over_anchors`, "
                f"got {anchors.latent_dim}."
            )
        if groups is not None and anchors is None:
            raise ValueError("`anchors` must be given with `groups`, got None.")
        self.encoder, self.bottleneck = encoder, bottleneck
        self.over_anchors, self.anchors = over_anchors, anchors
        self.temperature, self.weights = temperature, weights
        self.guide_epochs, self.guide = guide_epochs, 1.0
        self.register_buffer("groups", groups, persistent=False)

    def forward(self, batch: Batch) -> Terms:
        """The terms of a batch of pairs."""
        z = at_least_single(self.encode(batch.x.transpose(0, 1).flatten(0, 1)).mean)
        values = {"over": self._agreement(self.over_anchors, z), "spread": z.square().sum(1).mean()}
        weights = self.weights._asdict()
        if self.anchors is None:
            weights["spread"] *= 2
            return Terms(values, weights)
        values["anchors"] = self._agreement(self.anchors, z)
        if self.groups is not None and self.guide and batch.y is not None:
            distances = squared_distances(z[: len(batch.x)], self.anchors.positions)
            logits = distances / (-2 * self.temperature)
            values["groups"] = cross_entropy(logits, self.groups[batch.y])
            weights["groups"] *= self.guide
        return Terms(values, weights)

    def encode(self, x: Tensor) -> Posterior:
        """q(z|x)."""
        return self.bottleneck(self.encoder(x))

    def assign(self, x: Tensor) -> Int[Tensor, " batch"]:
        """Cluster of each sample: its nearest anchor, or over-anchor in the first stage."""
        anchors = self.over_anchors if self.anchors is None else self.anchors
        return anchors.assign(self.encode(x).mean)

    def begin_epoch(self, epoch: int, snapshot: Callable[[], Snapshot], seed: int = 0) -> None:
        """Let the groups guide less than in the epoch before."""
        self.guide = max(0.0, 1 - epoch / self.guide_epochs) if self.guide_epochs else 0.0

    def get_extra_state(self) -> Tensor:
        """How much the groups guide, for a run that goes on inside an epoch."""
        return torch.tensor(self.guide)

    def set_extra_state(self, state: Tensor) -> None:
        """Restore what `get_extra_state` saved."""
        self.guide = float(state)

    def _agreement(self, anchors: AnchorSet, z: Tensor) -> Tensor:
        first, second = anchors.probabilities(z, self.temperature).chunk(2)
        return agreement_loss(first, second)
