r"""One-to-one matchings of two clouds of equal size, at the least total distance.

.. math:: \varphi^* = \arg\min_{\varphi \text{ bijective}}
    \sum_i \lVert x_i - y_{\varphi(i)} \rVert_2

Exactly by the Hungarian method, whose table holds all pairs; or by auction, where points of x bid
for points of y and each bid raises a price $p_j$ by at least $\varepsilon$. At its end the mean
distance lies at most $\varepsilon$ above the least. The prices prove it, often a smaller excess:

.. math:: \sum_i \min_j\, (\lVert x_i - y_j \rVert + p_j) - \sum_j p_j \;\le\;
    \sum_i \lVert x_i - y_{\varphi^*(i)} \rVert
"""

from typing import NamedTuple

import numpy as np
import torch

from nebulatent.ops.points import checked_clouds
from nebulatent.typing import Float, Int, Tensor

MOST_EXACT = 4096  # points whose table of pairs, in double precision, still fits 128 MiB
KEPT_TABLE = 1 << 22  # pairs of an auction that are kept rather than computed at every bid
SHARPENING = 5.0  # by which an auction divides its increment from one round to the next
RESOLUTION = 1e-9  # least tolerance, in sizes of the cloud, that prices can still represent


class Matching(NamedTuple):
    """A bijection from the points of x to those of y."""

    partner: Int[Tensor, "batch points"]
    excess: Float[Tensor, " batch"]
    """Proven bound on how far the mean distance lies above the least; 0 if it is the least."""


def exact_matching(
    x: Float[Tensor, "batch points dim"], y: Float[Tensor, "batch others dim"]
) -> Matching:
    """The best matching, by the Hungarian method.

    Source: Crouse, IEEE Transactions on Aerospace and Electronic Systems 2016 (as in SciPy).

    Raises:
        ValueError: If there are more than 4096 points, the clouds differ in size, or a coordinate
            is not finite.

    Examples:
        >>> x = torch.tensor([[[0.0], [1.0]]])
        >>> exact_matching(x, x.flip(1) + 0.1).partner.tolist()
        [[1, 0]]
    """
    from scipy.optimize import linear_sum_assignment  # not at the top: every command would wait

    a, b = _in_double(x, y)
    if a.shape[1] > MOST_EXACT:
        raise ValueError(
            f"`x` must have at most {MOST_EXACT} points for an exact matching, got {a.shape[1]}; "
            "use `auction_matching`."
        )
    found = [linear_sum_assignment(_cdist(p, q))[1] for p, q in zip(a, b, strict=True)]
    index = torch.from_numpy(np.array(found, dtype=np.int64).reshape(a.shape[:2]))
    return Matching(index.to(x.device), torch.zeros(len(x), dtype=torch.float64, device=x.device))


def auction_matching(
    x: Float[Tensor, "batch points dim"], y: Float[Tensor, "batch others dim"], tolerance: float
) -> Matching:
    """A matching whose mean distance exceeds the least by at most `tolerance`.

    Source: Bertsekas, Annals of Operations Research 1988: the auction, with increments that shrink.
    Unit: `tolerance` and `excess` are distances, in units of the points.
    Notes: Beyond 2048 points distances are computed again for every bid, and memory is linear.

    Raises:
        ValueError: If `tolerance` is not positive or too small for double precision, the clouds
            differ in size, or a coordinate is not finite.

    Examples:
        >>> x = torch.tensor([[[0.0], [1.0], [2.0]]])
        >>> match = auction_matching(x, x.flip(1), 0.01)
        >>> match.partner.tolist(), bool(match.excess <= 0.01)
        ([[2, 1, 0]], True)
    """
    a, b = _in_double(x, y)
    sizes = [float(np.ptp(np.concatenate(pair), axis=0).max()) for pair in zip(a, b, strict=True)]
    least = RESOLUTION * max(sizes, default=0.0)
    if not max(least, 0) < tolerance < np.inf:
        raise ValueError(
            f"`tolerance` must be a distance above {least:.3g}, got {tolerance}; "
            "use `exact_matching` for the least distance itself."
        )
    found = [_auction(p, q, s, tolerance) for p, q, s in zip(a, b, sizes, strict=True)]
    index = torch.from_numpy(np.array([i for i, _ in found], dtype=np.int64).reshape(a.shape[:2]))
    excess = torch.tensor([e for _, e in found], dtype=torch.float64)
    return Matching(index.to(x.device), excess.to(x.device))


def _in_double(x: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Both clouds as arrays; matchings are found on the CPU."""
    if x.shape != y.shape:
        raise ValueError(
            f"`x` and `y` must have as many points, got {x.shape[1]} and {y.shape[1]}; bring them "
            "to one size by `resampled`."
        )
    x, y = checked_clouds(x.detach(), "x"), checked_clouds(y.detach(), "y")
    return x.double().cpu().numpy(), y.double().cpu().numpy()


def _cdist(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    from scipy.spatial.distance import cdist

    return cdist(x, y)


def _auction(
    x: np.ndarray, y: np.ndarray, size: float, tolerance: float
) -> tuple[np.ndarray, float]:
    """The matching of one cloud and the excess that its prices prove."""
    table = _cdist(x, y) if len(x) ** 2 <= KEPT_TABLE else None
    price, increment = np.zeros(len(y)), max(size / SHARPENING, tolerance)
    partner = _sold(x, y, table, price, increment)
    while increment > tolerance:
        increment = max(increment / SHARPENING, tolerance)
        partner = _sold(x, y, table, price, increment)
    rows = max(1, KEPT_TABLE // len(y))
    blocks = (slice(start, start + rows) for start in range(0, len(x), rows))
    least = sum(float((_costs(x, y, table, part) + price).min(1).sum()) for part in blocks)
    paid = float(np.linalg.norm(x - y[partner], axis=1).sum())
    return partner, max(0.0, paid - (least - float(price.sum()))) / len(x)


def _costs(x: np.ndarray, y: np.ndarray, table: np.ndarray | None, rows: object) -> np.ndarray:
    """Distances of some points of x to all of y, in memory of their own."""
    return _cdist(x[rows], y) if table is None else table[rows]  # pyright: ignore[reportArgumentType, reportCallIssue]


def _sold(
    x: np.ndarray, y: np.ndarray, table: np.ndarray | None, price: np.ndarray, increment: float
) -> np.ndarray:
    """Bid until every point of x has a point of y; `price` is raised in place."""
    owner, partner = np.full(len(y), -1), np.full(len(x), -1)
    rows = max(1, KEPT_TABLE // len(y))
    while len(bidders := np.flatnonzero(partner < 0)[:rows]):
        costs = _costs(x, y, table, bidders) + price
        own = np.arange(len(bidders))
        wanted = costs.argmin(1)
        best = costs[own, wanted]
        costs[own, wanted] = np.inf
        second = costs.min(1) if len(y) > 1 else best
        rise = second - best + increment
        order = np.argsort(rise, kind="stable")  # of equal places the last, highest bid is kept
        owner_before = owner[wanted]
        owner[wanted[order]] = bidders[order]
        partner[owner_before[owner_before >= 0]] = -1
        price_rise = np.zeros(len(y))
        price_rise[wanted[order]] = rise[order]
        price += price_rise
        sold = np.flatnonzero(price_rise)
        partner[owner[sold]] = sold
    return partner
