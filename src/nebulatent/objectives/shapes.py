r"""How far two clouds of points lie apart: Chamfer, earth mover's distance, F-score.

.. math:: d_i = \min_j \lVert x_i - y_j \rVert, \qquad e_j = \min_i \lVert y_j - x_i \rVert

Every paper makes another figure of these. A `ChamferConvention` says which, and its text belongs
beside every figure; `docs/conventions.md` has the table. All functions return one value per pair of
clouds; average over the batch to train.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch

from nebulatent.ops.distances import at_least_single
from nebulatent.ops.nearest_points import nearest_indices
from nebulatent.ops.points import points_at
from nebulatent.ops.transport import Matching, auction_matching, exact_matching
from nebulatent.typing import Float, Tensor

Directions = Literal["sum", "mean", "max"]


@dataclass(frozen=True, kw_only=True)
class ChamferConvention:
    """What a figure called Chamfer means.

    Arguments:
        name: Where it is from.
        squared: Whether distances are squared.
        points: How the distances of one direction become one number.
        directions: How the two directions, x to y and y to x, become one number.
        printed_scale: Factor of the figures in print; distances and losses here are without it.

    Raises:
        ValueError: If `printed_scale` is not positive.
    """

    name: str
    squared: bool
    points: Literal["mean", "sum"] = "mean"
    directions: Directions = "sum"
    printed_scale: float = 1.0

    def __post_init__(self) -> None:
        if not self.printed_scale > 0:
            raise ValueError(f"`printed_scale` must be positive, got {self.printed_scale}.")

    def __str__(self) -> str:
        power = "²" if self.squared else ""
        one, other = f"{self.points} d{power}", f"{self.points} e{power}"
        both = {
            "sum": f"{one} + {other}",
            "mean": f"({one} + {other})/2",
            "max": f"max({one}, {other})",
        }[self.directions]
        scale = "" if self.printed_scale == 1 else f", ×{self.printed_scale:g}"
        return f"{both}{scale} ({self.name})"


FAN = ChamferConvention(name="Fan et al. 2017, Eq. 2", squared=True, points="sum")
POINT_FLOW = ChamferConvention(name="PointFlow, ShapeGF", squared=True, printed_scale=1e4)
CD_T = ChamferConvention(name="CD-T of completion papers", squared=True, printed_scale=1e4)
CD_P = ChamferConvention(
    name="CD-P of completion papers, PCN's code",
    squared=False,
    directions="mean",
    printed_scale=1e3,
)
FOLDING_NET = ChamferConvention(name="FoldingNet, Eq. 1", squared=False, directions="max")
OCCUPANCY = ChamferConvention(
    name="Chamfer-L1 of ONet and ConvONet", squared=False, directions="mean", printed_scale=10.0
)
CHAMFER_CONVENTIONS = (FAN, POINT_FLOW, CD_T, CD_P, FOLDING_NET, OCCUPANCY)


def chamfer_distance(
    x: Float[Tensor, "batch points dim"],
    y: Float[Tensor, "batch others dim"],
    convention: ChamferConvention,
) -> Float[Tensor, " batch"]:
    """Nearest distances from x to y and from y to x; the clouds may differ in size.

    Unit: units of the points, squared or not as the convention says, without its printed scale.
    Notes: Differentiable by both clouds; who is whose nearest is held fixed. Between points that
        coincide an unsquared distance has the gradient 0.

    Raises:
        ValueError: If a cloud is empty or a coordinate is not finite.

    Examples:
        >>> x, y = torch.zeros(1, 1, 3), torch.tensor([[[1.0, 0, 0], [3, 0, 0]]])
        >>> chamfer_distance(x, y, POINT_FLOW), chamfer_distance(x, y, OCCUPANCY)
        (tensor([6.]), tensor([1.5000]))
        >>> print(OCCUPANCY)
        (mean d + mean e)/2, ×10 (Chamfer-L1 of ONet and ConvONet)
    """
    x, y = at_least_single(x), at_least_single(y)
    there, back = _nearest_distance(x, y, convention), _nearest_distance(y, x, convention)
    match convention.directions:
        case "sum":
            return there + back
        case "mean":
            return (there + back) / 2
        case "max":
            return torch.maximum(there, back)


def _nearest_distance(
    x: Float[Tensor, "batch points dim"],
    y: Float[Tensor, "batch others dim"],
    convention: ChamferConvention,
) -> Float[Tensor, " batch"]:
    """One direction: from each point of x to the nearest of y."""
    offset = x - points_at(y, nearest_indices(x, y, 1).squeeze(2))
    distance = offset.square().sum(-1) if convention.squared else offset.norm(dim=-1)
    return distance.mean(1) if convention.points == "mean" else distance.sum(1)


class EarthMover(NamedTuple):
    """Mean distance between matched points, and the matching."""

    distance: Float[Tensor, " batch"]
    matching: Matching


def earth_mover(
    x: Float[Tensor, "batch points dim"],
    y: Float[Tensor, "batch others dim"],
    *,
    tolerance: float = 0.0,
) -> EarthMover:
    r"""Mean distance under the best one-to-one matching of two clouds of equal size.

    .. math:: \frac1N \sum_i \lVert x_i - y_{\varphi^*(i)} \rVert_2

    Source: Chen et al., PointMixup, ECCV 2020, Eq. (3)-(4): unsquared, and the mean.
    Authors' code: an approximate matching without a bound, as in most papers; Fan et al. 2017 sum.
    Notes: Differentiable by both clouds, with the matching held fixed.

    Arguments:
        x: Clouds.
        y: Clouds of as many points; `resampled` brings clouds to one size.
        tolerance: How far the distance may lie above the least; 0 matches exactly, which is for
            clouds of at most 4096 points. `matching.excess` is the proven bound for each pair.

    Raises:
        ValueError: If the clouds differ in size, or a coordinate is not finite.

    Examples:
        >>> x = torch.tensor([[[0.0, 0.0], [1.0, 0.0]]])
        >>> earth_mover(x, x.flip(1) + 0.5).distance
        tensor([0.7071])
    """
    x, y = at_least_single(x), at_least_single(y)
    matching = auction_matching(x, y, tolerance) if tolerance else exact_matching(x, y)
    offset = x - points_at(y, matching.partner)
    return EarthMover(offset.norm(dim=-1).mean(1), matching)


class FScore(NamedTuple):
    """Agreement of two clouds at one distance, each in 0..1."""

    score: Float[Tensor, " batch"]
    """Harmonic mean of the other two; 0 where both are 0."""
    precision: Float[Tensor, " batch"]
    """Share of the points of x that have a point of y near them."""
    recall: Float[Tensor, " batch"]
    """Share of the points of y that have a point of x near them."""


def f_score(
    x: Float[Tensor, "batch points dim"], y: Float[Tensor, "batch others dim"], threshold: float
) -> FScore:
    """How much of a reconstruction x is right, and how much of a target y is found.

    Source: Knapitsch et al., Tanks and Temples, 2017, Sec. 4.2; Tatarchenko et al., CVPR 2019.
    Authors' code: distances below the threshold; here up to it, as in ConvONet's.
    Unit: the threshold is a distance, in units of the points. ConvONet takes 1 % of a unit cube.

    Raises:
        ValueError: If `threshold` is not positive, or a coordinate is not finite.

    Examples:
        >>> x, y = torch.zeros(1, 2, 3), torch.tensor([[[0.0, 0, 0], [0.5, 0, 0], [2, 0, 0]]])
        >>> [round(float(part), 3) for part in f_score(x, y, 0.5)]
        [0.8, 1.0, 0.667]
    """
    if not threshold > 0:
        raise ValueError(f"`threshold` must be positive, got {threshold}.")
    x, y = at_least_single(x.detach()), at_least_single(y.detach())
    near = [
        (a - points_at(b, nearest_indices(a, b, 1).squeeze(2))).norm(dim=-1) <= threshold
        for a, b in ((x, y), (y, x))
    ]
    precision, recall = (flags.to(x.dtype).mean(1) for flags in near)
    both = precision + recall
    score = torch.where(both > 0, 2 * precision * recall / both.clamp_min(1e-12), 0.0)
    return FScore(score, precision, recall)
