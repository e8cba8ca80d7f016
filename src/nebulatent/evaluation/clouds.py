r"""How far rebuilt clouds are from their originals, each figure with its published convention.

With $d$ the distance of each rebuilt point to the nearest original one and $e$ that of each
original point to the nearest rebuilt one (:mod:`nebulatent.objectives.shapes`):

.. math:: \text{Chamfer-L2} = \overline{d^2} + \overline{e^2}, \qquad
    \text{Chamfer-L1} = \tfrac12 (\bar d + \bar e)

Two samplings of one surface are not 0 apart, and how far two different shapes are apart depends on
the data; `strangers` gives the second as a scale for the first.
"""

from collections.abc import Iterable
from functools import reduce

import torch

from nebulatent.evaluation.measures import Measure
from nebulatent.evaluation.reconstruction import Ratio
from nebulatent.objectives.shapes import (
    OCCUPANCY,
    POINT_FLOW,
    ChamferConvention,
    chamfer_distance,
    f_score,
)
from nebulatent.typing import Float, Tensor

THRESHOLD = 0.05  # about the distance of neighbours among 1 024 points of a cloud of radius 1
CHAMFER = {"Chamfer-L2": POINT_FLOW, "Chamfer-L1": OCCUPANCY}
F_SCORE = f"F-score at {THRESHOLD}"
F_TEXT = (
    f"Harmonic mean of the shares of rebuilt points and of original points with a partner up to "
    f"{THRESHOLD} away (Tanks and Temples); clouds have radius 1; mean over clouds."
)

Clouds = Float[Tensor, "clouds points 3"]


def cloud_measures(pairs: Iterable[tuple[Tensor, Tensor]]) -> list[Measure]:
    """Chamfer distances and F-score of reconstructions, from batches that are seen once.

    Arguments:
        pairs: Batches of (originals, reconstructions), which may differ in their points.

    Raises:
        ValueError: If there is no cloud, or a coordinate is not finite.
    """
    batches = [_of_batch(x, recon) for x, recon in pairs if len(x)]
    if not batches:
        raise ValueError("`pairs` must hold at least one cloud, got none.")
    ratios = reduce(_joined, batches)
    rows = [
        Measure(name, ratios[name].value, "lower", "", chamfer_text(convention), False)
        for name, convention in CHAMFER.items()
    ]
    return [*rows, Measure(F_SCORE, ratios[F_SCORE].value, "higher", "", F_TEXT, False)]


def strangers(x: Clouds) -> list[Measure]:
    """Chamfer-L2 between each cloud and the one before it: the scale of a reconstruction's.

    Arguments:
        x: Clouds in random order; none for fewer than two.
    """
    if len(x) < 2:
        return []
    value = chamfer_distance(x, x.roll(1, 0), POINT_FLOW).double().mean().item()
    text = (
        f"The same between {len(x)} pairs of different clouds of these data, for scale: "
        f"{chamfer_text(POINT_FLOW)}"
    )
    name = "Chamfer-L2 to another cloud"
    return [Measure(name, value * POINT_FLOW.printed_scale, "neither", "", text, False)]


def chamfer_text(convention: ChamferConvention) -> str:
    """What a Chamfer distance means, for people.

    Examples:
        >>> chamfer_text(OCCUPANCY)[:61]
        '(mean d + mean e)/2, ×10 (Chamfer-L1 of ONet and ConvONet); d'
    """
    return (
        f"{convention}; d from rebuilt to original points, e back; clouds have radius 1; mean over "
        "clouds."
    )


def _of_batch(x: Clouds, recon: Float[Tensor, "clouds others 3"]) -> dict[str, Ratio]:
    if not recon.isfinite().all():
        raise ValueError("`recon` must be finite, got NaN or infinity; check the decoder.")
    values = {
        name: chamfer_distance(recon, x, convention) * convention.printed_scale
        for name, convention in CHAMFER.items()
    }
    values[F_SCORE] = f_score(recon, x, THRESHOLD).score
    return {
        name: Ratio(value.sum(dtype=torch.float64).item(), len(x)) for name, value in values.items()
    }


def _joined(one: dict[str, Ratio], other: dict[str, Ratio]) -> dict[str, Ratio]:
    return {name: ratio.joined(other[name]) for name, ratio in one.items()}
