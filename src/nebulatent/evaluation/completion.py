r"""How well partial grids are completed.

With the whole grid W, the cells P that were seen and the cells C that are said to be filled, those
whose probability exceeds a threshold,

.. math:: \text{IoU} = \frac{|C \cap W|}{|C \cup W|}, \qquad
    \text{hidden IoU} = \frac{|(C \cap W) \setminus P|}{|(C \cup W) \setminus P|}

for each grid (1 if both sets are empty), mean over the grids of a category; "class IoU" is the mean
over categories. The partial grid itself, as an answer, has a hidden IoU of 0.

Source: Yang et al., 3D-RecGAN++, TPAMI 2018, for the IoU of a grid; Table 4 of Wang et al., TPAMI
2022, for the mean over categories; the hidden cells are SSCNet's (Song et al., CVPR 2017), here all
that one view does not show to be filled.
"""

import math
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int

from nebulatent.data.batch import Batch
from nebulatent.data.rows import Rows
from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.voxels import THRESHOLD, Agreement, agreement
from nebulatent.latents.autoencoder import Coding
from nebulatent.objectives.likelihoods import Likelihood
from nebulatent.typing import Float, Tensor

CLASS, HIDDEN = "class IoU", "hidden IoU"
ROWS, CELLS = 50, 1 << 20  # grids, and cells, at a time: a network keeps maps of every level


@runtime_checkable
class Completer(Protocol):
    """A method that was trained to give whole grids for partial ones; in eval mode."""

    likelihood: Likelihood

    def code(self, batch: Batch) -> Coding:
        """Posterior of the partial grids, and the decoder's output."""
        ...


def completed(
    model: Completer, partial: Rows, threshold: float = THRESHOLD
) -> Bool[np.ndarray, "grids 1 x y z"]:
    """The cells that a model says are filled, by the mean of its posterior."""
    return np.concatenate([chance > threshold for chance in chances(model, partial)])


def chances(model: Completer, partial: Rows) -> Iterator[Float32[np.ndarray, "grids 1 x y z"]]:
    """The probability that a model gives to each cell, some grids at a time."""
    step = max(1, min(ROWS, CELLS // math.prod(partial.shape[1:])))
    for start in range(0, len(partial), step):
        x = torch.from_numpy(partial[start : start + step]).float()
        with torch.no_grad():
            chance = model.likelihood.mean(model.code(Batch(x)).recon)
        yield chance.numpy()


def completion_measures(
    answer: Rows,
    partial: Rows,
    whole: Rows,
    label: Int[np.ndarray, " grids"],
    names: tuple[str, ...],
) -> list[Measure]:
    """Agreement of answers with whole grids.

    Arguments:
        answer: Cells said to be filled.
        partial: Cells that were seen.
        whole: Cells that are filled.
        label: Category of each grid, an index into `names`.
        names: Of the categories; one without grids is left out.

    Raises:
        ValueError: If there are no grids, or not as many of each.
    """
    if not 0 < len(answer) == len(partial) == len(whole) == len(label):
        raise ValueError(
            "`answer`, `partial`, `whole` and `label` must be one for each grid, got "
            f"{len(answer)}, {len(partial)}, {len(whole)} and {len(label)}."
        )
    everywhere, beyond = [], []
    for start in range(0, len(answer), ROWS):
        rows = slice(start, start + ROWS)
        said, full, seen = (torch.from_numpy(part[rows]) for part in (answer, whole, partial))
        everywhere.append(_iou(agreement(full, said.float())))
        beyond.append(_iou(agreement(full & ~seen, (said & ~seen).float())))
    iou, hidden = torch.cat(everywhere), torch.cat(beyond)
    groups = {name: torch.from_numpy(label == i) for i, name in enumerate(names)}
    groups = {name: own for name, own in groups.items() if own.any()}
    of = f"of each of {len(iou)} grids, mean over the grids of a category"
    text = f"Intersection over union of filled cells {of}, mean over {len(groups)} categories."
    rows = [_measure(CLASS, _mean(iou, groups), text)]
    for name, own in groups.items():
        text = (
            f"Intersection over union of each of {int(own.sum())} grids ({name}), mean over them."
        )
        rows.append(_measure(f"IoU {name}", iou[own].mean().item(), text))
    text = f"The same of cells that the view does not show, {of}, mean over categories."
    return [*rows, _measure(HIDDEN, _mean(hidden, groups), text)]


def _iou(found: Agreement) -> Float[Tensor, " grids"]:
    hits, union = found.hits.double(), (found.hits + found.invented + found.missed).double()
    return torch.where(union > 0, hits / union.clamp_min(1), 1.0)


def _mean(value: Tensor, groups: dict[str, Tensor]) -> float:
    return float(np.mean([value[own].mean().item() for own in groups.values()]))


def _measure(name: str, value: float, text: str) -> Measure:
    return Measure(name, value, "higher", "", text, True)
