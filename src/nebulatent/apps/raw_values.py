"""Samples as rows of numbers, as a model is given them: what its codes must be better than."""

import numpy as np
import torch
from jaxtyping import Float as ArrayFloat
from torch.nn.functional import adaptive_avg_pool2d

from nebulatent.apps.planning.view_plan import PICTURED
from nebulatent.apps.runs.inputs import encoder_input
from nebulatent.apps.runs.runs import Run
from nebulatent.data.table import Table
from nebulatent.evaluation.encode import chunks
from nebulatent.typing import Float, Tensor

SIDE = 32  # pixels: eight larger pictures of each shape would fill the memory


def raw_values(run: Run, table: Table) -> ArrayFloat[np.ndarray, "samples values"]:
    """All values of what a run reads of samples; of pictures their brightness, at most 32 × 32."""
    batches = chunks(encoder_input(run.config.model, table), run.config.scaling.apply)
    views = run.config.model.host == PICTURED
    return torch.cat([(_grey(b.x) if views else b.x).flatten(1) for b in batches]).numpy()


def _grey(x: Float[Tensor, "batch views channels height width"]) -> Tensor:
    height, width = (min(side, SIDE) for side in x.shape[-2:])
    return adaptive_avg_pool2d(x.mean(2), (height, width))
