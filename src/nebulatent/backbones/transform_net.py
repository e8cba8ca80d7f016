r"""Transform net of PointNet: a matrix for each cloud, and how far it is from a rotation.

.. math:: x_i \leftarrow x_i T(x), \qquad \lVert T T^\top - I \rVert_F

Source: Qi et al., CVPR 2017 (PointNet), section 4.2 "Joint Alignment Network".
"""

from typing import Literal

import torch
from torch import nn

from nebulatent.backbones.point_layers import PooledLayer, point_mlp, scaled
from nebulatent.typing import Float, Tensor

Penalty = Literal["official", "port"]


def transform_penalty(
    transform: Float[Tensor, "batch size size"], form: Penalty = "official"
) -> Float[Tensor, ""]:
    r"""How far transforms are from orthogonal.

    .. math:: \tfrac12 \sum_b \lVert T_b T_b^\top - I \rVert_F^2 \;(\text{official}), \quad
        \frac1B \sum_b \lVert T_b T_b^\top - I \rVert_F \;(\text{port})

    Source: Qi et al., CVPR 2017, Eq. (2), a squared norm; weight 0.001.
    Authors' code: the first, a sum over the batch. The PyTorch ports take the second.
    """
    eye = torch.eye(transform.shape[1], dtype=transform.dtype, device=transform.device)
    residual = (transform @ transform.mT - eye).flatten(1)
    if form == "official":
        return 0.5 * residual.square().sum()
    return torch.linalg.vector_norm(residual, dim=1).mean()


class TransformNet(nn.Module):
    """A small PointNet that predicts a square matrix, the identity at first.

    Arguments:
        size: Channels of a point, and side of the matrix.
        channels: Layers at each point; the last is pooled.
        hidden: Layers after the maximum.
        width: Multiplies all channels.
    """

    def __init__(
        self,
        size: int,
        channels: tuple[int, ...] = (64, 128, 1024),
        hidden: tuple[int, ...] = (512, 256),
        width: float = 1.0,
    ) -> None:
        super().__init__()
        self.size = size
        *local, pooled = scaled(channels, width)
        hidden = scaled(hidden, width)
        self.points = point_mlp([size, *local])
        self.pool = PooledLayer(local[-1], pooled)
        self.cloud = point_mlp([pooled, *hidden])
        self.out = nn.Linear(hidden[-1], size * size)
        nn.init.zeros_(self.out.weight)
        with torch.no_grad():
            self.out.bias.copy_(torch.eye(size).flatten())

    def forward(self, x: Float[Tensor, "batch points size"]) -> Float[Tensor, "batch size size"]:
        """One matrix for each cloud."""
        h = self.cloud(self.pool(self.points(x)))
        return self.out(h).unflatten(1, (self.size, self.size))
