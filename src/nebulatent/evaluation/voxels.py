r"""How well rebuilt grids agree with their originals, each figure with its published convention.

A cell is filled where its probability exceeds a threshold. With the cells that are filled in both
(:math:`t`, hits), invented (:math:`f`), missed (:math:`m`) and empty in both (:math:`e`), summed
over a group :math:`g` of grids,

.. math:: \text{IoU} = \operatorname*{mean}_g \frac{t_g + s}{t_g + f_g + m_g + s}, \quad
    \text{precision} = \frac{t}{t + f}, \quad \text{recall} = \frac{t}{t + m}, \quad
    \text{accuracy} = \frac{t + e}{t + f + m + e}

| IoU | group | s |
|---|---|---|
| pooled: SwitchVAE (Wu et al. 2023) | all grids | 0 |
| of each sample: 3D-RecGAN (Yang et al. 2017) | one | 0 |
| of each sample, NVC (Wang et al., TPAMI 2022) as in ForkNet's code | one | 0.1 |
| of each batch: SCFusion's code | a batch | 1e-6 |

They differ: pooled, large shapes count more; of each sample, all count alike.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch

from nebulatent.evaluation.measures import Measure, finite
from nebulatent.typing import Float, Int, Tensor

THRESHOLD = 0.5
FORKNET, SCFUSION = 0.1, 1e-6  # what their codes add to both sides of the fraction
BATCH = 32


class Agreement(NamedTuple):
    """Cells of each grid, by what original and reconstruction say.

    Arguments:
        hits: Filled in both.
        invented: Filled in the reconstruction only.
        missed: Filled in the original only.
        empty: Empty in both.
    """

    hits: Int[Tensor, " grids"]
    invented: Int[Tensor, " grids"]
    missed: Int[Tensor, " grids"]
    empty: Int[Tensor, " grids"]

    def joined(self, other: "Agreement") -> "Agreement":
        """Those of both, one after the other."""
        return Agreement(*(torch.cat(both) for both in zip(self, other, strict=True)))


def agreement(x: Tensor, recon: Tensor, threshold: float = THRESHOLD) -> Agreement:
    """Compare grids cell by cell.

    Arguments:
        x: Originals, grids on the first axis: 0 and 1, or false and true.
        recon: Probability that each cell is filled; more than `threshold` counts as filled.
        threshold: At least 0 and below 1.

    Raises:
        ValueError: If shapes differ, there are no cells, originals hold other values than 0 and 1,
            probabilities do not lie in 0..1 (as those of a decoder's logits do not), or
            `threshold` is out of range.

    Examples:
        >>> x = torch.tensor([[1, 1, 0, 0]])
        >>> [int(count) for count in agreement(x, torch.tensor([[0.9, 0.5, 0.8, 0.1]]))]
        [1, 1, 1, 1]
    """
    if not 0 <= threshold < 1:
        raise ValueError(f"`threshold` must be at least 0 and below 1, got {threshold}.")
    if x.shape != recon.shape or x.ndim < 2 or not x.numel():
        raise ValueError(
            f"`recon` must have the shape of `x`, with cells, got {tuple(recon.shape)} and "
            f"{tuple(x.shape)}."
        )
    if not ((x == 0) | (x == 1)).all():
        raise ValueError("`x` must hold 0 and 1 only, got other values; threshold it first.")
    if not ((recon >= 0) & (recon <= 1)).all():  # NaN is neither
        raise ValueError(
            "`recon` must hold probabilities in 0..1, got other values or NaN; take the sigmoid of "
            "logits."
        )
    full, found = x.flatten(1) == 1, recon.flatten(1) > threshold
    cases = (full & found, ~full & found, full & ~found, ~full & ~found)
    return Agreement(*(case.sum(1) for case in cases))


def iou(found: Agreement, size: int = 1, smoothing: float = 0.0) -> float:
    """Intersection over union of groups of grids, mean over groups.

    Arguments:
        found: Cells of each grid.
        size: Grids of a group, taken in order; the last may have fewer. As many as there are (or
            more) is the pooled IoU.
        smoothing: Added to both sides of the fraction. Without it two empty groups agree: 1.

    Raises:
        ValueError: If `size` is not positive or `smoothing` is negative.

    Examples:
        >>> two = Agreement(*torch.tensor([[1, 6], [1, 0], [0, 2], [6, 0]]))
        >>> iou(two), iou(two, size=2)
        (0.625, 0.7)
    """
    if size < 1 or not smoothing >= 0:
        raise ValueError(
            f"`size` must be positive and `smoothing` not negative, got {size} and {smoothing}."
        )
    hits = _sums(found.hits, size) + smoothing
    union = hits + _sums(found.invented, size) + _sums(found.missed, size)
    return torch.where(union > 0, hits / union.clamp_min(1e-9), 1.0).mean().item()


def voxel_measures(
    pairs: Iterable[tuple[Tensor, Tensor]], threshold: float = THRESHOLD, *, batch_size: int = BATCH
) -> list[Measure]:
    """Agreement of reconstructions with originals, from batches that are seen once.

    Precision is 0 if nothing is filled in any reconstruction although something should be; it is
    left out if nothing should be either, and so is recall if nothing is filled in any original.

    Arguments:
        pairs: Batches of (originals, probabilities).
        threshold: Above it a cell counts as filled.
        batch_size: Grids, in order, whose IoU is taken together by "IoU, per batch".

    Raises:
        ValueError: If there is no grid, or grids are refused by `agreement`.
    """
    found: Agreement | None = None
    for x, recon in pairs:
        if len(x):
            part = agreement(x, recon, threshold)
            found = part if found is None else found.joined(part)
    if found is None:
        raise ValueError("`pairs` must hold at least one grid, got none.")
    return finite(_measures(found, threshold, batch_size))


def _measures(found: Agreement, threshold: float, batch_size: int) -> list[Measure]:
    hits, invented, missed, empty = (float(count.sum()) for count in found)
    count = len(found.hits)
    on = f"a cell is filled above {threshold:g}"
    pooled = f"all cells of {count} grids pooled; {on}."
    values = {
        "IoU": (iou(found, count), f"Filled in both / filled in either, {pooled}"),
        "IoU, per sample": (iou(found), f"IoU of each grid, mean over grids; {on}; empty is 1."),
        "IoU, per sample, ForkNet": (
            iou(found, smoothing=FORKNET),
            f"(∩ + {FORKNET}) / (∪ + {FORKNET}) of each grid, mean over grids; {on}.",
        ),
        "IoU, per batch": (
            iou(found, batch_size, SCFUSION),
            f"IoU of each {batch_size} grids pooled, mean over such batches; {on}.",
        ),
        "precision": (
            0.0 if missed and not hits + invented else _share(hits, hits + invented),
            f"Rightly filled / filled (0 if none is), {pooled}",
        ),
        "recall": (_share(hits, hits + missed), f"Rightly filled / to be filled, {pooled}"),
        "accuracy": (
            _share(hits + empty, hits + invented + missed + empty),
            f"Cells that are right, filled or empty, {pooled} Most cells are empty, so high.",
        ),
    }
    return [
        Measure(name, value, "higher", "", convention, False)
        for name, (value, convention) in values.items()
    ]


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _sums(count: Int[Tensor, " grids"], size: int) -> Float[Tensor, " groups"]:
    return torch.stack([part.sum() for part in count.double().split(size)])
