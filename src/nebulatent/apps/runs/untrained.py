"""A run's network before training: what the architecture alone makes of the data.

A network with batch normalisation is two things before training: weights as drawn, and statistics
of data it has not seen (mean 0, variance 1). With those statistics a PointNet squeezes all clouds
into a corner and looks worse than it is (accuracy of a linear probe on the built-in shapes 0.31 to
0.68 by its seed, 0.72 with the statistics of the data). So for clouds of points the statistics are
measured first, on training samples, without labels or gradients.
"""

import numpy as np
import torch

from nebulatent.apps.planning.build import Trained, build
from nebulatent.apps.runs.runs import Run
from nebulatent.data.table import Table

MEASURED, BATCH = 1024, 32  # an average that forgets: 32 batches leave 3 % of the start


def untrained_encoder(run: Run, table: Table) -> Trained:
    """The model of a run with its weights as drawn, in eval mode.

    Arguments:
        run: The run.
        table: Samples of its kind, on which the statistics of clouds are measured.
    """
    model = build(run.config.model, run.config.fit.seed)
    if table.kind == "points":
        settle(model, run, table)
    return model.eval()


@torch.no_grad()
def settle(model: Trained, run: Run, table: Table) -> None:
    """Move the statistics of a model's batch normalisations to those of the data."""
    draw = np.random.default_rng(0)
    size = min(BATCH, table.num_samples)
    model.train()
    for _ in range(MEASURED // BATCH):
        rows = np.sort(draw.choice(table.num_samples, size, replace=False))
        model.encode(run.config.scaling.apply(torch.from_numpy(table.x[rows])))
