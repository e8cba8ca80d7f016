"""An untrained network with the batch statistics of its data: the fair control of a trained one.

A network with batch normalisation is two things before training: weights as drawn, and statistics
of data it has not seen (mean 0, variance 1). With those a PointNet squeezes all clouds into a
corner and looks worse than it is (accuracy of a linear probe on the built-in shapes 0.31 to 0.68 by
its seed, 0.72 with the statistics of the data). So they are measured first, on batches like those
of training, without labels or gradients.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from nebulatent.data.rows import Rows
from nebulatent.evaluation.encode import Prepare
from nebulatent.typing import Tensor

SETTLING = 64  # batches; an average that forgets a tenth at each keeps 0.1 % of the start


@torch.no_grad()
def settle(
    method: nn.Module,
    features: Callable[[Tensor], object],
    clouds: Tensor | Rows,
    *,
    prepare: Prepare,
    batch_size: int,
    num_points: int | None,
    seed: int,
) -> None:
    """Move the statistics of a network to those of random batches of clouds; no weight moves.

    Arguments:
        method: Has the network; it is left in training mode.
        features: Prepared clouds → what the network makes of them.
        clouds: The clouds.
        prepare: Applied to each batch.
        batch_size: Of as many clouds at most, as in training.
        num_points: Of each cloud so many points at most, as in training, others in each batch; None
            for samples without points.
        seed: Fixes the batches.
    """
    draw, size = np.random.default_rng(seed), min(batch_size, len(clouds))
    method.train()
    for _ in range(SETTLING):
        rows = draw.choice(len(clouds), size, replace=False)
        x = torch.as_tensor(clouds[rows])
        if num_points is not None:
            x = x[:, torch.from_numpy(draw.permutation(clouds.shape[1])[:num_points])]
        features(prepare(x))
