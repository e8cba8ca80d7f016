r"""OcCo: a cloud is seen from one side, and the network must complete what is hidden.

.. math:: L = d(\text{coarse}, P) + \alpha\, d(\text{fine}, P), \qquad
    d(Q, P) = \tfrac12 \bigl( \overline{\min_{p} \lVert q - p \rVert}
    + \overline{\min_{q} \lVert p - q \rVert} \bigr)

Source: Wang, Liu, Yue, Lasenby, Kusner: Unsupervised Point Cloud Pre-Training via Occlusion
Completion, ICCV 2021.
Authors' code: hansen7/OcCo (MIT). Views are depth images of meshes, 400 × 300, from ten cameras.
Our reading: clouds have no mesh, so a point is hidden if another, in the same cell of a coarse
image from the same side, lies before it; the camera is at infinity. That needs no renderer, and
gives every epoch other views.
"""

from collections.abc import Callable, Sequence

import torch
from torch import nn

from nebulatent.backbones.point_decoders import PCNDecoder
from nebulatent.data.batch import Batch
from nebulatent.latents.posterior import Dirac
from nebulatent.objectives.shapes import CD_P, chamfer_distance
from nebulatent.ops.cloud_corruptions import occluded
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Float, Tensor

FINE_WEIGHTS = ((0, 0.01), (10_000, 0.1), (20_000, 0.5), (50_000, 1.0))  # from each step on


class OcCo(nn.Module):
    """Creates the objective of OcCo.

    The views come from the global generator, which `fit` seeds.

    Arguments:
        encoder: Maps clouds to features; has a `feature_dim`.
        decoder: Completes a cloud from them.
        num_visible: Points that the encoder sees; 1024 in the paper.
        fine_weights: From which step on which weight of the fine cloud holds.
        cells: Cells along a side of the image that decides what is hidden.
        latent_terms: Further terms of the features of the occluded clouds, such as
            `NebulaAnchors`.

    Raises:
        ValueError: If `num_visible` or `cells` is not positive, or the first weight does not hold
            from step 0.
    """

    steps: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        decoder: PCNDecoder,
        *,
        num_visible: int = 1024,
        fine_weights: Sequence[tuple[int, float]] = FINE_WEIGHTS,
        cells: int = 16,
        latent_terms: Callable[[Tensor], Terms] = no_terms,
    ) -> None:
        super().__init__()
        if num_visible < 1 or cells < 1:
            raise ValueError(
                f"`num_visible` and `cells` must be positive, got {num_visible} and {cells}."
            )
        if not fine_weights or fine_weights[0][0] != 0:
            raise ValueError(f"`fine_weights` must begin at step 0, got {tuple(fine_weights)}.")
        self.encoder, self.decoder, self.latent_terms = encoder, decoder, latent_terms
        self.num_visible, self.cells = num_visible, cells
        self.fine_weights = tuple(fine_weights)
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))

    def forward(self, batch: Batch) -> Terms:
        """The terms of one batch; its labels are not read."""
        whole = batch.x if batch.y is None else batch.y
        h = self.encoder(occluded(batch.x, self.num_visible, cells=self.cells))
        found = self.decoder.complete(h)
        weight = self.fine_weight()
        if self.training:
            self.steps.add_(1)
        terms = Terms(
            {
                "coarse": chamfer_distance(found.coarse, whole, CD_P).mean(),
                "fine": chamfer_distance(found.fine, whole, CD_P).mean(),
            },
            {"fine": weight},
        )
        return terms | self.latent_terms(h)

    def fine_weight(self) -> float:
        """Weight of the fine cloud after the training steps so far."""
        return [weight for step, weight in self.fine_weights if step <= int(self.steps)][-1]

    def encode(self, x: Float[Tensor, "batch points 3"]) -> Dirac:
        """The feature of each cloud, nothing hidden."""
        return Dirac(self.encoder(x))

    def decode(
        self, z: Float[Tensor, "codes latent"], label: Tensor | None = None
    ) -> Float[Tensor, "codes points 3"]:
        """The fine cloud of each feature; labels are not read."""
        return self.decoder(z)
