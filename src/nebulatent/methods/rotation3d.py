r"""Rotation3D: a cloud is turned in one of K ways, and the network must say in which.

.. math:: L = -\log p(k \mid P R_k), \qquad k \sim \text{uniform}

Source: Poursaeed, Jiang, Qiao, Xu, Kim: Self-Supervised Learning of Point Clouds via Orientation
Estimation, 3DV 2020; K = 18 in the paper, 6 the faces of a cube, 32 directions on a sphere.
Authors' code: OmidPoursaeed/Self_supervised_Learning_Point_Clouds (MIT), whose table of 18 labels
this is; it has a second table with x by 45° for labels 1 to 3, which training does not use.
Our reading: coordinates are rows, turned about x first, then z, as there.
"""

import math
from collections.abc import Callable
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import nn

from nebulatent.backbones.prediction import PointNetwork
from nebulatent.data.batch import Batch
from nebulatent.latents.posterior import Dirac
from nebulatent.terms import Terms, no_terms
from nebulatent.typing import Float, Tensor

# Angles about x and z in degrees, by label; the first six are K = 6.
ANGLES_18 = (
    *((90 * i, 0) for i in range(4)),
    *((0, 90), (0, 270)),
    *((45 * i, 0) for i in (1, 3, 5, 7)),
    *((0, 45 * i) for i in (1, 3, 5, 7)),
    *((90, 45 * i) for i in (1, 3, 5, 7)),
)
# Angles about x in radians and y in degrees: two poles and five rings of directions between them.
ANGLES_32 = (
    (0.0, 0),
    *((0.646, 72 * i) for i in range(5)),
    *((1.108, 36 + 72 * i) for i in range(5)),
    *((math.pi / 2, 36 * i) for i in range(10)),
    *((math.pi - 1.108, 36 + 72 * i) for i in range(5)),
    *((math.pi - 0.646, 72 * i) for i in range(5)),
    (math.pi, 0),
)
Count = Literal[6, 18, 32]


def rotation_matrix(axis: int, angle: float) -> Float[Tensor, "3 3"]:
    """Turns rows about an axis by an angle in radians, anticlockwise seen from its end.

    Examples:
        >>> rotation_matrix(0, math.pi / 2)[1].round().tolist()
        [0.0, 0.0, 1.0]
    """
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = torch.eye(3, dtype=torch.float64)
    matrix[i, i] = matrix[j, j] = math.cos(angle)
    matrix[i, j], matrix[j, i] = math.sin(angle), -math.sin(angle)
    return matrix


def rotations(count: Count = 18) -> Float[Tensor, "rotations 3 3"]:
    """The rotations that a network must tell apart, by label, in double precision."""
    if count == 32:
        return torch.stack(
            [rotation_matrix(0, x) @ rotation_matrix(1, math.radians(y)) for x, y in ANGLES_32]
        )
    return torch.stack(
        [
            rotation_matrix(0, math.radians(x)) @ rotation_matrix(2, math.radians(z))
            for x, z in ANGLES_18[:count]
        ]
    )


class Rotation3D(nn.Module):
    """Creates the objective of Rotation3D for any network that scores clouds.

    The rotations come from the global generator, which `fit` seeds.

    Arguments:
        network: Scores every cloud; its number of classes is the number of rotations: 6, 18 or 32.
        latent_terms: Further terms of the features of the turned clouds, such as `NebulaAnchors`.

    Raises:
        ValueError: If the network has another number of classes.
    """

    rotations: Tensor

    def __init__(
        self, network: PointNetwork, *, latent_terms: Callable[[Tensor], Terms] = no_terms
    ) -> None:
        super().__init__()
        if network.num_classes not in get_args(Count):
            raise ValueError(
                f"`network` must have 6, 18 or 32 classes, one per rotation, got "
                f"{network.num_classes}."
            )
        self.network, self.latent_terms = network, latent_terms
        table = rotations(network.num_classes)  # pyright: ignore[reportArgumentType]
        self.register_buffer("rotations", table.to(torch.get_default_dtype()), persistent=False)

    def forward(self, batch: Batch) -> Terms:
        """The terms of one batch; its labels are not read, nor is `y`."""
        label = torch.randint(len(self.rotations), (len(batch.x),), device=batch.x.device)
        prediction = self.network(batch.x @ self.rotations[label])
        loss = F.cross_entropy(prediction.logits.float(), label)
        return Terms({"rotation": loss}) | prediction.terms | self.latent_terms(prediction.h)

    def encode(self, x: Float[Tensor, "batch points 3"]) -> Dirac:
        """The network's feature of each cloud, not turned.

        Authors' code: takes the 256 hidden units of the head; ParAE compares features of 1024, as
        here.
        """
        return Dirac(self.network.features(x))
